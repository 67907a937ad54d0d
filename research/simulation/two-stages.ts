import { atCadence, stoppedAt, type RecordedRun, type RunStep } from '../../src/cli/traces/recorded-run.js'
import { seededRandom, shuffle, type Random } from '../../src/cli/traces/seeded-random.js'
import { uniform } from '../../src/core/assignment/arm.js'
import { GRID } from '../../src/core/certificate/thresholds.js'
import { fitLogistic, iterateAt } from '../../src/core/predictor/logistic-regression.js'
import { fitPredictor } from '../../src/core/predictor/fit-predictor.js'
import { logOdds, scorerFor, scoreStep } from '../../src/core/predictor/predictor.js'

// Would it pay to ask in two stages: free signals first, and a probe only where the answer is likely to be settled? A schedule says which
// steps are probed. It sees the free signals, and what earlier probes showed, as both arms do; never the threshold.

/** The run as a schedule probes it. */
type Schedule = (run: RecordedRun) => RecordedRun

const EM_DROP = 0.02
const EVERY = [4, 8, 12, 16, 24, 32, 48, 64]
const GROWTH = [0, 0.1, 0.25, 0.5, 1]
const CUTS = [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9]
/** The criterion for probing a step: a confidence, or that its answer is no worse than any later one. */
const WORTH = ['settled', 0.8, 0.95] as const

const cadence = (checkEveryTokens: number, checkGrowth = 0) => ({ checkEveryTokens, checkGrowth, minTokens: 0 })
const at = (every: number) => (run: RecordedRun) => atCadence(run, { cadence: cadence(every), probeTokens: 0 }).steps

/** The data known before a probe. */
function features (step: RunStep, last: RunStep | null, free: readonly string[], typical: number): number[] {
  const odds = last === null ? 0 : logOdds(last.confidence!)
  const distance = Math.log1p((step.tokens - (last?.tokens ?? 0)) / 8)
  const signals = free.map((name) => step.signals?.[name] ?? 0)
  return [1, Math.log(step.tokens / typical), step.tokens / typical, ...signals, last === null ? 1 : 0, odds, distance,
    odds * distance, last?.signals?.entropy ?? 0, Math.min(8, last?.signals?.answer_streak ?? 0)]
}

/** Learns the chance that a step is worth a probe, from runs that were probed at every step, as if some of these had been left out. */
function chance (runs: readonly RecordedRun[], every: number, worth: typeof WORTH[number], free: readonly string[], random: Random) {
  const lengths = runs.map(({ tokens }) => tokens).sort((a, b) => a - b)
  const typical = lengths[lengths.length >> 1]!
  const rows: number[][] = []
  const isWorth: number[] = []
  for (const run of runs) {
    const steps = at(every)(run)
    const settled = steps.findLastIndex(({ em }) => em < run.em) + 1
    for (const kept of [0.15, 0.5, 1]) {
      let last: RunStep | null = null
      for (const [i, step] of steps.entries()) {
        rows.push(features(step, last, free, typical))
        isWorth.push(worth === 'settled' ? Number(i >= settled) : Number(step.confidence! >= worth))
        if (random() < kept) last = step
      }
    }
  }
  const scales = rows[0]!.map((_, j) => Math.max(1e-9, Math.sqrt(rows.reduce((sum, row) => sum + row[j]! ** 2, 0) / rows.length)))
  const scaled = (row: readonly number[]) => row.map((value, j) => value / scales[j]!)
  const p = scales.length
  const weight = new Float64Array(rows.length).fill(1 / 3)
  const data = { x: Float64Array.from(rows.flatMap(scaled)), y: Uint8Array.from(isWorth), weight }
  const prior = { mean: new Float64Array(p), variance: new Float64Array(p).fill(4) }
  const { weights } = fitLogistic([data], prior, iterateAt([data], new Float64Array(p)))
  return (step: RunStep, last: RunStep | null) =>
    1 / (1 + Math.exp(-scaled(features(step, last, free, typical)).reduce((sum, value, j) => sum + value * weights[j]!, 0)))
}

function twoStages (every: number, chanceAt: ReturnType<typeof chance>, cut: number, probe: number): Schedule {
  return (run) => {
    const steps: RunStep[] = []
    for (const step of at(every)(run)) {
      if (chanceAt(step, steps.at(-1) ?? null) >= cut) steps.push({ ...step, probeTokens: probe * (steps.length + 1) })
    }
    return { ...run, steps, probeTokens: probe * steps.length }
  }
}

interface Result { readonly saved: number, readonly tokens: number, readonly lost: number }

/** Stops at a threshold; -1: never. Probes are paid for in any case. */
function stop (runs: readonly RecordedRun[], threshold: number): Result {
  let [saved, tokens, lost] = [0, 0, 0]
  for (const run of runs) {
    const step = run.steps.find(({ confidence }) => threshold >= 0 && confidence! >= threshold)
    const end = step === undefined ? { tokens: run.tokens, probeTokens: run.probeTokens, em: run.em } : stoppedAt(run, step)
    saved += run.tokens - end.tokens - end.probeTokens
    tokens += run.tokens
    lost += run.em - end.em
  }
  return { saved, tokens, lost }
}

/** The threshold that saves most within the bound on these runs. */
function choose (runs: readonly RecordedRun[], grid: readonly number[]): { threshold: number, saved: number } {
  let best = { threshold: -1, saved: stop(runs, -1).saved }
  for (const threshold of grid) {
    const { saved, lost } = stop(runs, threshold)
    if (lost / runs.length > EM_DROP) break
    if (saved > best.saved) best = { threshold, saved }
  }
  return best
}

/** A score to stop by, put in the place of the confidence. */
interface Score { readonly grid: readonly number[], readonly rescore: (run: RecordedRun) => RecordedRun }

const RAW: Score = { grid: GRID, rescore: (run) => run }

/** The scores of each context: the raw confidence, and a predictor that learns from all contexts as the service trains it. */
function scoresOf (contexts: ReadonlyArray<readonly RecordedRun[]>): Score[][] {
  const samples = contexts.flatMap((runs, i) => runs.map(({ outcome, tokens, em, steps }) => ({
    u: uniform('', outcome.group_id!),
    leaf: `context=${i}`,
    label: 'exact_match' as const,
    tokens,
    steps: steps.map(({ tokens, confidence, signals = {}, em: right }) =>
      ({ tokens, confidence: confidence!, signals, lost: em > right ? 1 as const : 0 as const })),
  })))
  const predictor = fitPredictor(samples, { name: 'p', label: 'exact_match', levels: 'context' })
  return contexts.map((_, i) => {
    if (predictor === null) return [RAW]
    const scorer = scorerFor(predictor, `context=${i}`)
    const rescore = (run: RecordedRun) => ({
      ...run, steps: run.steps.map((step) => ({ ...step, confidence: scoreStep(scorer, step.tokens, step.confidence, step.signals) })),
    })
    return [RAW, { grid: predictor.grid, rescore }]
  })
}

/** Tokens saved net and EM lost, as shares, on runs that chose nothing. */
export interface Figures { readonly cadence: { saved: number, lost: number }, readonly twoStages: { saved: number, lost: number } }

/**
 * One split by groups, a third each: to learn where a probe is worth its cost, to choose the schedule (one for all contexts) and thresholds
 * (one a context) on, and to test on. `twoStages` chooses among cadences and two-stage rules, `cadence` among cadences alone.
 * @param contexts the runs of each context, probed at every step
 * @param probe tokens of a probe
 * @param free names of the signals that cost nothing
 * @param withPredictor whether a predictor may score the steps too, with either schedule
 */
export function compareStages (
  contexts: ReadonlyArray<readonly RecordedRun[]>, probe: number, free: readonly string[], withPredictor: boolean, seed: number
): Figures {
  const random = seededRandom(seed)
  const parts = contexts.map((runs) => {
    const groups = shuffle(random, [...new Set(runs.map(({ outcome }) => outcome.group_id))])
    return [0, 1, 2].map((part) => runs.filter(({ outcome }) => groups.indexOf(outcome.group_id) % 3 === part))
  })
  const scores = withPredictor ? scoresOf(parts.map(([learn]) => learn!)) : parts.map(() => [RAW])
  const plain = EVERY.flatMap((every) => GROWTH.map((growth) => parts.map((): Schedule => (run) =>
    atCadence(run, { cadence: cadence(every, growth), probeTokens: probe }))))
  const staged = [4, 8, 16].flatMap((every) => WORTH.flatMap((worth) => {
    const chances = parts.map(([learn]) => chance(learn!, every, worth, free, random))
    return CUTS.map((cut) => chances.map((chanceAt) => twoStages(every, chanceAt, cut, probe)))
  }))
  const bestOf = (schedules: readonly Schedule[][]) => {
    const tried = schedules.map((each) => {
      const chosen = parts.map(([, some], i) => {
        const asked = some!.map(each[i]!)
        return scores[i]!.map((score) => ({ score, ...choose(asked.map(score.rescore), score.grid) }))
          .reduce((a, b) => b.saved > a.saved ? b : a)
      })
      return { each, chosen, saved: chosen.reduce((sum, { saved }) => sum + saved, 0) }
    })
    const { each, chosen } = tried.reduce((a, b) => b.saved > a.saved ? b : a)
    const ends = parts.map(([,, test], i) => stop(test!.map(each[i]!).map(chosen[i]!.score.rescore), chosen[i]!.threshold))
    const sum = (field: keyof Result) => ends.reduce((total, end) => total + end[field], 0)
    return { saved: sum('saved') / sum('tokens'), lost: sum('lost') / parts.reduce((n, [,, test]) => n + test!.length, 0) }
  }
  return { cadence: bestOf(plain), twoStages: bestOf([...plain, ...staged]) }
}
