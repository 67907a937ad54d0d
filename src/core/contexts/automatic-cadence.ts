import { testedBound } from '../certificate/judge-errors.js'
import { ANSWERS, answerOf, stepsAtCadence, type Trace, type TraceStep } from '../certificate/trace.js'
import { GRID } from '../certificate/thresholds.js'
import type { Cadence, Policy } from '../policy/policy.js'
import { type CadenceEstimate, type CadenceNumbers, type CadenceReason, type ChosenCadence, chooseCadence, meanProbe, shortestDistance } from './cadence-choice.js'

/**
 * The cadence of a context whose policy leaves it to the learner (`check_every_tokens: "auto"`). It is explored by the first control
 * generations, on a geometric grid, and then chosen. Later looks gather runs at the chosen cadence, so they cost no evidence unless another
 * one is better. If none seems to save at these checks, the grid is explored again.
 */

/** The grid on which control generations are asked at first. */
export const EXPLORED_GRID: CadenceNumbers = { check_every_tokens: 8, check_growth: 1 / 8 }

/** Control generations by which a cadence is chosen. */
export const EXPLORED = 64
/** Control generations after which it is chosen by those whose labels are known. */
const REPORTED = 4 * EXPLORED
/** Fewer show nothing. */
const FEW = 8
/**
 * Probes may take one part in so many of the tokens. With a tenth instead of a quarter, probes of 4 tokens were so far apart on a model
 * that reasons for 170 tokens and is sure only at the ends of lines, that 32 and 64 tokens seemed as good as 16. It saved a third less.
 */
const TOKENS_PER_PROBE_TOKEN = 4

/** Steps of traces of other workers are thinned to the grid, and to this number. */
const MAX_STEPS = 128
/** Traces that are kept of a context at most and at least, and of all contexts together. */
const MIN_TRACES = 16
const ALL_TRACES = 131_072

/** A trace in few characters. */
interface PackedTrace {
  readonly tokens: number
  readonly answer_tokens: number
  readonly em: Trace['em']
  readonly probe_tokens: number
  readonly at: readonly number[]
  /** Two characters a step: the place on the grid of the loosest thresholds that it crosses, and its answer. */
  readonly steps: string
}

/** Sums over control generations. */
interface Costs { readonly generations: number, readonly tokens: number, readonly checks: number, readonly probe_tokens: number }

const NO_COSTS: Costs = { generations: 0, tokens: 0, checks: 0, probe_tokens: 0 }

/** The runs gathered for a choice. */
export interface Exploration {
  readonly costs: Costs
  readonly traces: readonly PackedTrace[]
  /** Least mean distance of checks, by what probes cost so far (tokens); 0: no limit. */
  readonly window: number
  /** Control generations that the epoch had had before. */
  readonly reported_before: number
}

const NO_EXPLORATION: Exploration = { costs: NO_COSTS, traces: [], window: 0, reported_before: 0 }

/** A choice, and its reasons. */
export interface CadenceChoice extends CadenceNumbers {
  readonly reason: CadenceReason
  readonly candidates: readonly CadenceEstimate[]
  /** When the cadence was looked at last, ms. */
  readonly looked_at: number
  /** The runs that it was chosen by: their number, and means. */
  readonly generations: number
  readonly tokens: number
  /** Mean tokens of a probe. */
  readonly probe_tokens: number
}

export interface AutomaticCadence {
  /** `null`: it is explored for the first time. */
  readonly choice: CadenceChoice | null
  /** `null`: it is not looked at now. */
  readonly exploration: Exploration | null
  /** Control generations since lengths and costs were compared last. */
  readonly since: Costs
}

export const UNEXPLORED: AutomaticCadence = { choice: null, exploration: NO_EXPLORATION, since: NO_COSTS }

/** Whether control generations are asked on the grid; nothing is certified by them. */
export function isExploring (cadence: AutomaticCadence | null): boolean { return cadence !== null && cadence.choice === null }

/** Other weights may reason at other lengths. @param reported control generations of the epoch so far */
export function lookAgain ({ choice }: AutomaticCadence, reported = 0): AutomaticCadence {
  return { choice, exploration: { ...NO_EXPLORATION, reported_before: reported }, since: NO_COSTS }
}

/** The same in a new epoch, whose reports are counted from zero. */
export function recounted (cadence: AutomaticCadence): AutomaticCadence {
  const { exploration } = cadence
  return exploration === null ? cadence : { ...cadence, exploration: { ...exploration, reported_before: 0 } }
}

/** The cadence in force, without the policy's `min_tokens`. */
export interface CadenceInForce extends Required<Omit<Cadence, 'minTokens'>> {
  readonly isExploring: boolean
}

const inForce = ({ check_every_tokens, check_growth }: CadenceNumbers, checkWindow = 0, isExploring = false): CadenceInForce =>
  ({ checkEveryTokens: check_every_tokens, checkGrowth: check_growth, checkWindow, isExploring })

const AT_FIRST = inForce(EXPLORED_GRID, 0, true)

/**
 * The cadence that a policy asks for in a context.
 * @param cadence of the context that certifies for it; `null` or absent: it is new, or has not seen the policy yet
 */
export function cadenceInForce (policy: Policy, cadence: AutomaticCadence | null | undefined): CadenceInForce {
  const { check_every_tokens, check_growth } = policy
  if (check_every_tokens !== 'auto') return inForce({ check_every_tokens, check_growth })
  if (cadence == null) return AT_FIRST
  const { choice, exploration } = cadence
  if (choice !== null) return inForce(choice)
  return exploration === null || exploration.window === 0 ? AT_FIRST : inForce(EXPLORED_GRID, exploration.window, true)
}

/** A policy with the numbers of the cadence in force in place of `auto`. */
export function withNumbers<P extends Policy> (policy: P, cadence: AutomaticCadence | null): P & CadenceNumbers {
  const { checkEveryTokens: check_every_tokens, checkGrowth: check_growth } = cadenceInForce(policy, cadence)
  return { ...policy, check_every_tokens, check_growth }
}

/**
 * Adds the full run of a control generation. Half as many lengths or probe tokens again, or half of them, start another look, at most once
 * per evidence age.
 * @param contexts that exist; with very many, fewer runs of each are kept
 * @param reported as `isChoiceDue` has it
 */
export function addRun (
  cadence: AutomaticCadence, trace: Trace,
  { contexts, time, policy, reported }: { contexts: number, time: number, policy: Policy, reported: number }
): AutomaticCadence {
  const { choice, exploration, since } = cadence
  if (exploration !== null) return { ...cadence, exploration: explored(exploration, trace, contexts) }
  const costs = addCosts(since, trace)
  if (costs.generations < EXPLORED) return { ...cadence, since: costs }
  const isDue = choice !== null && time >= choice.looked_at + 1000 * policy.max_evidence_age_seconds && haveChanged(choice, costs)
  return isDue ? lookAgain(cadence, reported) : { ...cadence, since: NO_COSTS }
}

function explored ({ costs, traces, window, reported_before }: Exploration, trace: Trace, contexts: number): Exploration {
  const more = addCosts(costs, trace)
  const { generations } = more
  const most = Math.max(MIN_TRACES, Math.min(EXPLORED, Math.floor(ALL_TRACES / Math.max(1, contexts))))
  const isKept = traces.length < most
  return {
    costs: more,
    traces: isKept ? [...traces, packTrace(trace)] : traces,
    window: (generations & (generations - 1)) === 0 ? windowFor(more) : window, // at powers of two, since each change reaches every replica
    reported_before,
  }
}

function windowFor ({ checks, probe_tokens: probes }: Costs): number {
  const window = checks === 0 ? 0 : Math.ceil(TOKENS_PER_PROBE_TOKEN * probes / checks)
  return window <= EXPLORED_GRID.check_every_tokens ? 0 : window
}

function addCosts (costs: Costs, { tokens, steps, probeTokens = 0 }: Trace): Costs {
  return {
    generations: costs.generations + 1,
    tokens: costs.tokens + tokens,
    checks: costs.checks + steps.length,
    probe_tokens: costs.probe_tokens + probeTokens,
  }
}

const meanOf = (sum: number, count: number) => count === 0 ? 0 : sum / count

function haveChanged (choice: CadenceChoice, { generations, tokens, checks, probe_tokens: probes }: Costs): boolean {
  const isOther = (before: number, now: number) => before === 0 ? now > 0 : now >= 1.5 * before || now <= 0.5 * before
  return isOther(choice.tokens, meanOf(tokens, generations)) || (checks > 0 && isOther(choice.probe_tokens, meanOf(probes, checks)))
}

/**
 * Whether a cadence is to be chosen now.
 * @param reported control generations of the epoch with the steps they need, also those that await a label
 */
export function isChoiceDue ({ exploration }: AutomaticCadence, reported: number): boolean {
  if (exploration === null) return false
  const { generations } = exploration.costs
  if (generations >= EXPLORED || (generations >= FEW && reported - exploration.reported_before >= REPORTED)) return true
  // All candidates are one where steps are further apart than the longest distance, as votes are.
  return generations === FEW && shortestDistance(exploration.traces.map(unpackTrace)) > LONGEST
}

const LONGEST = 256

/** Share of the tokens that another cadence must save to take over, since its evidence starts from zero. */
const MARGIN = 0.02

/**
 * Chooses a cadence by the runs that were gathered. The one in force stays unless another one is better. If none saves tokens, exploration
 * starts again. That withdraws a threshold in force, whose evidence is about costs that have changed since.
 */
export function choose (cadence: AutomaticCadence, time: number, policy: Policy): AutomaticCadence {
  const { costs, traces: packed } = cadence.exploration!
  const traces = packed.map(unpackTrace)
  const bound = { minTokens: policy.min_tokens, maxEmDrop: testedBound(policy) }
  const { present, ...chosen } = chooseCadence(traces, bound, cadence.choice)
  const { choice: last } = cadence
  if (last !== null && chosen.reason !== 'saves') return UNEXPLORED
  const { check_every_tokens, check_growth } = last === null || isBetter(chosen, present!, haveChanged(last, costs)) ? chosen : last
  const { generations, tokens } = costs
  const seen = { looked_at: time, generations, tokens: meanOf(tokens, generations), probe_tokens: meanProbe(traces) }
  return { choice: { ...chosen, check_every_tokens, check_growth, ...seen }, exploration: null, since: NO_COSTS }
}

/** What a shorter distance would save is only estimated, so it is chosen only after a change of lengths or costs. */
function isBetter (chosen: Pick<ChosenCadence, 'check_every_tokens' | 'candidates'>, present: CadenceEstimate, haveChanged: boolean): boolean {
  if (chosen.check_every_tokens < present.check_every_tokens && !haveChanged) return false
  return chosen.candidates[0]!.expected_saved_ratio - present.expected_saved_ratio >= MARGIN
}

/** Whether a cadence has the same numbers as the one before, so that evidence goes on. */
export function isSameChoice ({ choice: a }: AutomaticCadence, { choice: b }: AutomaticCadence): boolean {
  return a !== null && b !== null && a.check_every_tokens === b.check_every_tokens && a.check_growth === b.check_growth
}

function packTrace (trace: Trace): PackedTrace {
  const { steps, probeTokens = 0 } = trace
  const thinned = stepsAtCadence(steps, { ...inForce(EXPLORED_GRID), minTokens: 0 }).steps.slice(0, MAX_STEPS)
  const each = steps.length === 0 ? 0 : probeTokens / steps.length
  return {
    tokens: trace.tokens,
    answer_tokens: trace.answerTokens,
    em: trace.em,
    probe_tokens: each * thinned.length,
    at: thinned.map(({ tokens }) => tokens),
    steps: thinned.map((step) => letterOf(step.score) + answerOf(step)).join(''),
  }
}

/** The letter of a score: `A` and on for the safest threshold that it crosses, `_` for a score that crosses none, `?` for none. */
function letterOf (score: number | null): string {
  if (score === null) return '?'
  const place = GRID.findIndex((threshold) => score >= threshold)
  return place === -1 ? '_' : String.fromCharCode(A + place)
}

const A = 'A'.charCodeAt(0)

export function unpackTrace ({ tokens, answer_tokens: answerTokens, em, probe_tokens: probeTokens, at, steps }: PackedTrace): Trace {
  return {
    tokens,
    answerTokens,
    em,
    probeTokens,
    isComplete: true,
    steps: at.map((tokens, i): TraceStep => ({ tokens, score: scoreOf(steps[2 * i]!), ...ANSWERS[steps[2 * i + 1]!] })),
  }
}

function scoreOf (letter: string): number | null {
  if (letter === '?') return null
  return letter === '_' ? 0 : GRID[letter.charCodeAt(0) - A]!
}
