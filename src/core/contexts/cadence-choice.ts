import { GRID } from '../certificate/thresholds.js'
import { deltaAt, type Trace, type TraceStep } from '../certificate/trace.js'
import { type Cadence, nextCheckTokens } from '../policy/policy.js'

/**
 * Chooses how often to ask, by full runs of control generations: the distance and growth from which most net savings are expected, at the
 * thresholds of the raw confidence. Nothing is certified here: that takes the evidence of the next epoch.
 *
 * Of many candidates and thresholds, some seem to lose nothing by chance in so few runs, most likely those that stop early. So each
 * threshold counts with the chance that it will be certified, and the probes of learning are a cost.
 */

/** Distance (tokens) and growth (a part of the tokens so far), as policies state them. */
export interface CadenceNumbers { readonly check_every_tokens: number, readonly check_growth: number }

const DISTANCES = [8, 16, 32, 64, 128, 256] as const
const GROWTHS = [0, 1 / 16, 1 / 8, 1 / 4] as const

export const CADENCE_CANDIDATES: readonly CadenceNumbers[] =
  DISTANCES.flatMap((check_every_tokens) => GROWTHS.map((check_growth) => ({ check_every_tokens, check_growth })))

/** The cadence where no candidate is expected to save: that with the fewest probes. */
const CHEAPEST: CadenceNumbers = { check_every_tokens: DISTANCES.at(-1)!, check_growth: GROWTHS.at(-1)! }

/** The estimated figures of a cadence; ratios are of the tokens of the full runs. */
export interface CadenceEstimate extends CadenceNumbers {
  /** Net tokens saved over a long time, as expected: candidates are compared by it. */
  readonly expected_saved_ratio: number
  /** The threshold that saves most net of those whose losses are within the bound; `null`: none is. The other figures are at it. */
  readonly threshold: number | null
  readonly tokens_saved_ratio: number
  readonly tokens_saved_gross_ratio: number
  readonly em_drop: number
}

/**
 * Why a cadence was chosen: savings are expected from it, or from no candidate. `accuracy`: some would save if their stops lost no answers.
 * `probe_cost`: not even then, since probes cost as much as stops save.
 */
export const CADENCE_REASONS = ['saves', 'accuracy', 'probe_cost'] as const
export type CadenceReason = typeof CADENCE_REASONS[number]

export interface ChosenCadence extends CadenceNumbers {
  readonly reason: CadenceReason
  /** The chosen one, unless none saves, and those from which most is expected, the best first. */
  readonly candidates: readonly CadenceEstimate[]
  /** The figures of the cadence in force on the same runs; `null`: none is. */
  readonly present: CadenceEstimate | null
}

interface Bound { readonly minTokens: number, readonly maxEmDrop: number }

/** Candidates that are reported. */
const SHOWN = 4
/** The longest distance is chosen from which at most this part less is expected: the runs cannot tell such candidates apart. */
const TOLERANCE = 0.05

/**
 * @param traces full runs of control generations, at least one
 * @param inForce the cadence that they were asked at, if it was chosen before
 */
export function chooseCadence (traces: readonly Trace[], bound: Bound, inForce: CadenceNumbers | null = null): ChosenCadence {
  const estimates = candidatesFor(traces, inForce).map((numbers) => estimateCadence(traces, numbers, bound)).sort(bySparsity)
  const most = Math.max(...estimates.map(({ expected_saved_ratio: expected }) => expected))
  const chosen = most > 0 ? estimates.find(({ expected_saved_ratio: expected }) => expected >= (1 - TOLERANCE) * most) : undefined
  const others = estimates.filter((one) => one !== chosen).sort((a, b) => b.expected_saved_ratio - a.expected_saved_ratio)
  const { check_every_tokens, check_growth } = chosen ?? CHEAPEST
  return {
    check_every_tokens,
    check_growth,
    reason: chosen !== undefined ? 'saves' : obstacleOf(traces, bound),
    candidates: [...chosen === undefined ? [] : [chosen], ...others].slice(0, SHOWN),
    present: inForce === null ? null : estimateCadence(traces, inForce, bound),
  }
}

/** Why no candidate is expected to save. Without any stop, the confidence is at fault. */
function obstacleOf (traces: readonly Trace[], bound: Bound): 'accuracy' | 'probe_cost' {
  let isStopped = false
  for (const numbers of CADENCE_CANDIDATES) {
    const { saved, probes, unstopped } = stopSums(traces, numbers, bound)
    const most = Math.max(...saved.map((tokens, k) => tokens - probes[k]!))
    if ((1 - LEARNING) * most > LEARNING * unstopped) return 'accuracy'
    isStopped ||= saved.some((tokens) => tokens > 0)
  }
  return isStopped ? 'probe_cost' : 'accuracy'
}

function bySparsity (a: CadenceNumbers, b: CadenceNumbers): number {
  return b.check_every_tokens - a.check_every_tokens || b.check_growth - a.check_growth
}

/** The candidates that the workers could follow: some ask at steps of their own, which show no shorter distance. */
export function candidatesFor (traces: readonly Trace[], inForce: CadenceNumbers | null = null): readonly CadenceNumbers[] {
  const shortest = Math.min(shortestDistance(traces), DISTANCES.at(-1)!)
  if (inForce !== null && shortest <= inForce.check_every_tokens) return CADENCE_CANDIDATES // they ask as they are told
  return CADENCE_CANDIDATES.filter(({ check_every_tokens: every }) => every >= shortest)
}

/** The shortest distance from one step to the next, or from the start; Infinity without any step. */
export function shortestDistance (traces: readonly Trace[]): number {
  let shortest = Infinity
  for (const { steps } of traces) {
    let last = 0
    for (const { tokens } of steps) {
      if (tokens > last) shortest = Math.min(shortest, tokens - last)
      last = tokens
    }
  }
  return shortest === Infinity ? 0 : shortest
}

/** Parts of the generations that a cadence is learned by until a threshold is certified; and, by the budget of probes, if none ever is. */
const LEARNING = 1 / 4
const LEARNING_IN_VAIN = 1 / 2

/** The figures of a cadence on the traces. Where they have a step at each of its checks, the sums behind them are exact. */
export function estimateCadence (traces: readonly Trace[], numbers: CadenceNumbers, bound: Bound): CadenceEstimate {
  const { full, unstopped, ...sums } = stopSums(traces, numbers, bound)
  const { expected, best } = expectedSavings(sums, unstopped, traces.length * bound.maxEmDrop)
  const { lost, saved, probes } = sums
  const ratio = (tokens: number) => full === 0 ? 0 : tokens / full
  return {
    ...numbers,
    expected_saved_ratio: ratio(expected),
    threshold: GRID[best] ?? null,
    tokens_saved_ratio: ratio(best === -1 ? -unstopped : saved[best]! - probes[best]!),
    tokens_saved_gross_ratio: ratio(saved[best] ?? 0),
    em_drop: best === -1 ? 0 : lost[best]! / traces.length,
  }
}

/** The stops of the traces at each threshold if they were asked at a cadence; tokens of the full runs, and of all probes of these. */
export function stopSums (traces: readonly Trace[], numbers: CadenceNumbers, bound: Pick<Bound, 'minTokens'>): StopSums {
  const sums: Sums = { lost: zeros(), changed: zeros(), saved: zeros(), probes: zeros() }
  const cadence = cadenceOf(numbers, bound)
  const typical = meanProbe(traces)
  let full = 0
  let unstopped = 0
  for (const trace of traces) {
    const { steps, probeTokens } = trace
    const each = steps.length === 0 || probeTokens === undefined ? typical : probeTokens / steps.length
    full += trace.tokens
    unstopped += each * addStops(trace, cadence, each, sums)
  }
  return { ...sums, full, unstopped }
}

const zeros = () => GRID.map(() => 0)

/**
 * Thresholds are certified in order, so the best one up to the loosest that is within the bound is served in the end.
 * @param unstopped tokens of the probes of runs that are not stopped
 * @param allowed net losses at the bound
 * @returns tokens saved net, as expected; and the place of the threshold that saves most of those within the bound, -1 for none
 */
function expectedSavings ({ lost, changed, saved, probes }: Sums, unstopped: number, allowed: number): { expected: number, best: number } {
  const chances: number[] = []
  for (const [k] of GRID.entries()) chances.push(Math.min(chances.at(-1) ?? 1, chanceWithin(allowed - lost[k]!, changed[k]!)))
  let [saving, most, best] = [0, 0, -1] // a threshold that saves nothing is not served
  for (const [k, chance] of chances.entries()) {
    const net = saved[k]! - probes[k]!
    if (chance >= 0.5 && (best === -1 || net > saved[best]! - probes[best]!)) best = k
    most = Math.max(most, net)
    saving += (chance - (chances[k + 1] ?? 0)) * most
  }
  const learning = LEARNING_IN_VAIN - chances[0]! * (LEARNING_IN_VAIN - LEARNING)
  return { expected: (1 - LEARNING) * saving - learning * unstopped, best }
}

/**
 * The chance that a threshold is within the bound. Net losses are taken as normal, and the number of changed answers, and one more, as
 * their variance. The logistic function is within 0.01 of the normal distribution (scaling constant 1.702: Camilli 1994, JEBS 19, 293-295).
 * @param margin net losses at the bound, less those seen
 */
function chanceWithin (margin: number, changed: number): number { return 1 / (1 + Math.exp(-1.702 * margin / Math.sqrt(changed + 1))) }

function cadenceOf ({ check_every_tokens: checkEveryTokens, check_growth: checkGrowth }: CadenceNumbers, { minTokens }: Pick<Bound, 'minTokens'>): Cadence {
  return { checkEveryTokens, checkGrowth, minTokens }
}

/** Mean tokens of a probe; 0 where none costs any. */
export function meanProbe (traces: readonly Trace[]): number {
  const asked = traces.reduce((sum, { steps }) => sum + steps.length, 0)
  return asked === 0 ? 0 : traces.reduce((sum, { probeTokens = 0 }) => sum + probeTokens, 0) / asked
}

/** Tokens before the answer. */
function reasoningOf ({ tokens, answerTokens }: Trace): number { return Math.max(0, tokens - answerTokens) }

/** Sums by threshold: net losses, changed answers, tokens saved, and tokens of probes. */
interface Sums { readonly lost: number[], readonly changed: number[], readonly saved: number[], readonly probes: number[] }

export interface StopSums extends Sums { readonly full: number, readonly unstopped: number }

/**
 * Adds the stops of a trace at each threshold. Between two recorded steps, the score is taken to cross a threshold, or to fall below it
 * again, anywhere with equal chance, and a check stops where it is above. Scores that jump therefore count as a check would find them, not
 * as if they stayed high once they had risen. After the last step the score stays the same.
 * @param each tokens of a probe
 * @returns checks of the run in full
 */
function addStops (trace: Trace, cadence: Cadence, each: number, sums: Sums): number {
  const { steps } = trace
  const end = reasoningOf(trace)
  const running = GRID.map(() => 1) // by threshold, the chance that it is not stopped yet
  let checks = 0 // before `due`
  let due = nextCheckTokens(cadence, 0)
  let before: TraceStep | undefined
  let answered: TraceStep | undefined // workers whose confidence is free probe only where it is new
  for (let i = 0; i <= steps.length && due <= end; i++) {
    const step = steps[i] ?? { ...steps.at(-1)!, tokens: end }
    const last = answered
    if (isProbed(step)) answered = step
    if (step.tokens >= due && steps.length > 0) {
      const start = before?.tokens ?? 0
      const within = dueWithin(cadence, due, start, Math.min(step.tokens, end))
      const stretch: Stretch = { within, due, start, length: step.tokens - start, checks }
      for (const [k, threshold] of GRID.entries()) {
        if (running[k] === 0) continue
        const was = (before?.score ?? -Infinity) >= threshold
        const is = (step.score ?? -Infinity) >= threshold
        if (!was && !is) continue
        const delta = deltaAt(trace.em, is ? answered ?? step : last ?? before!)
        running[k]! -= addStop(trace, stretch, { k, was, is, delta, each, running: running[k]! }, sums)
      }
      checks += within.checks
      due = within.next
    }
    before = step
  }
  const all = checks + dueWithin(cadence, due, 0, end).checks
  for (const [k, share] of running.entries()) sums.probes[k]! += share * each * all
  return all
}

/** The checks between two steps. */
interface Stretch {
  readonly within: Due
  /** The first of them. */
  readonly due: number
  readonly start: number
  readonly length: number
  /** Checks before these. */
  readonly checks: number
}

/** A threshold, whether the score is above it at the ends of a stretch, and the chance that a run is not stopped before. */
interface Crossing {
  readonly k: number
  readonly was: boolean
  readonly is: boolean
  /** EM lost by a stop. */
  readonly delta: number
  /** Tokens of a probe. */
  readonly each: number
  readonly running: number
}

/** @returns the chance that the run is stopped in the stretch */
function addStop (
  { tokens, answerTokens }: Trace, { within, due, start, length, checks }: Stretch, crossing: Crossing, sums: Sums
): number {
  const { k, was, is, delta, each, running } = crossing
  // Where it was above, the first check stops unless the score has fallen by then.
  const stays = is ? 1 : (start + length - due) / length
  const [share, at, asked] = was ? [stays, stays * due, stays] : [within.share / length, within.tokens / length, within.asked / length]
  sums.lost[k]! += running * share * delta
  sums.changed[k]! += running * share * Math.abs(delta)
  sums.saved[k]! += running * Math.max(0, share * (tokens - answerTokens) - at)
  sums.probes[k]! += running * each * (asked + share * checks)
  return running * share
}

function isProbed ({ em, agrees, difference }: TraceStep): boolean {
  return em !== undefined || agrees !== undefined || difference !== undefined
}

/** The checks due within a stretch of tokens, and sums over them for a score that crosses a threshold anywhere within it. */
interface Due {
  readonly checks: number
  /** The first check after the stretch, and the last within it (or its start). */
  readonly next: number
  readonly last: number
  /** Tokens of the stretch up to the last check: by each check those since the one before it. */
  readonly share: number
  /** The sums of these, times the tokens at the check, and times its number. */
  readonly tokens: number
  readonly asked: number
}

/** Checks that are counted one by one; more of them, at one distance, are summed as a series. */
const SINGLE = 64

/** @param first the first check that is due; 0: the first of the cadence */
function dueWithin (cadence: Cadence, first: number, start: number, end: number): Due {
  let due = first === 0 ? nextCheckTokens(cadence, 0) : first
  let [checks, last, tokens, asked] = [0, start, 0, 0]
  while (due <= end) {
    const { checkEveryTokens: every } = cadence
    const rest = Math.floor((end - due) / every)
    if (cadence.checkGrowth === 0 && checks === 1 && rest > SINGLE) { // from here on all are as far apart
      const count = rest + 1
      const until = due + rest * every
      tokens += every * count * (due + until) / 2
      asked += every * (count * checks + count * (count + 1) / 2)
      checks += count
      last = until
      due = until + every
      break
    }
    checks++
    tokens += (due - last) * due
    asked += (due - last) * checks
    last = due
    due = nextCheckTokens(cadence, due)
  }
  return { checks, next: due, last, share: last - start, tokens, asked }
}
