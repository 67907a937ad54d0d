import { normal } from '../../src/cli/traces/seeded-random.js'
import { addReports } from '../../src/core/training/add-reports.js'
import { EM_SCALE, forecastCoverage, TOKENS_SCALE } from '../../src/core/training/forecast.js'
import { type Reading, readingsOf, stderrOf } from '../../src/core/training/readings.js'
import type { Series, TrainingRun, VerdictName } from '../../src/core/training/run.js'
import { verdictsOf } from '../../src/core/training/verdicts.js'
import { mulberry32 } from '../../test/random.js'

/** The truth at a checkpoint, by its number from 0. */
export interface Truth { readonly em: number, readonly tokens: number, readonly truncated?: number }

export interface RunKind {
  readonly name: string
  readonly checkpoints: number
  /** Number of the first checkpoint past the turn; `null`: the run never turns. */
  readonly turn: number | null
  readonly truth: (i: number) => Truth
  /** The verdict that the turn calls for; `null`: none. */
  readonly due: VerdictName | null
  /** Questions per checkpoint. */
  readonly n?: number
}

const saturating = (i: number, from: number, to: number, pace: number) => to - (to - from) * Math.exp(-i / pace)
const after = (i: number, turn: number) => Math.max(0, i - turn + 1)

/**
 * Guo et al. 2025, Nature 645 (DeepSeek-R1), Fig. 1: AIME pass@1 from 0.156 to 0.779 while responses grow from some 700 to 15,000 tokens in
 * 10,000 steps.
 */
export function r1Zero (i: number): Truth {
  const part = i / 40
  return { em: saturating(part, 0.156, 0.79, 0.36), tokens: 700 + 14_300 * part ** 1.3 }
}

export const RUNS: readonly RunKind[] = [
  { name: 'healthy: EM rises 1 point a checkpoint, tokens steady', checkpoints: 30, turn: null, due: null, truth: (i) => ({ em: 0.45 + 0.01 * i, tokens: 1200 }) },
  { name: 'reasoner as DeepSeek-R1-Zero: tokens grow with EM', checkpoints: 41, turn: null, due: null, truth: r1Zero },
  { name: 'overthinking: EM -1 point, tokens +5 % a checkpoint', checkpoints: 40, turn: 16, due: 'overthinking', truth: (i) => ({ em: saturating(i, 0.4, 0.7, 5) - 0.01 * after(i, 16), tokens: 1500 * 1.05 ** after(i, 16) }) },
  { name: 'overthinking, slow: EM -0.5 points, tokens +3 %', checkpoints: 40, turn: 16, due: 'overthinking', truth: (i) => ({ em: saturating(i, 0.4, 0.7, 5) - 0.005 * after(i, 16), tokens: 1500 * 1.03 ** after(i, 16) }) },
  { name: 'tokens halve over 5 checkpoints, EM flat', checkpoints: 32, turn: 16, due: 'tokens_collapsed', truth: (i) => ({ em: 0.7, tokens: 1600 * 2 ** -Math.min(1, after(i, 16) / 5) }) },
  { name: 'tokens halve over 5 checkpoints, EM -8 points', checkpoints: 32, turn: 16, due: 'length_hacking', truth: (i) => ({ em: 0.7 - 0.08 * Math.min(1, after(i, 16) / 5), tokens: 1600 * 2 ** -Math.min(1, after(i, 16) / 5) }) },
  { name: 'EM rises 1 point a checkpoint; then tokens halve over 5, EM -8 points', checkpoints: 32, turn: 16, due: 'length_hacking', truth: (i) => ({ em: 0.5 + 0.01 * Math.min(i, 15) - 0.08 * Math.min(1, after(i, 16) / 5), tokens: 1600 * 2 ** -Math.min(1, after(i, 16) / 5) }) },
  { name: 'tokens -6 % and EM -1 point a checkpoint', checkpoints: 32, turn: 16, due: 'costly_shortening', truth: (i) => ({ em: 0.7 - 0.01 * after(i, 16), tokens: 1600 * 0.94 ** after(i, 16) }) },
  { name: 'noisy plateau', checkpoints: 40, turn: 16, due: 'plateau', truth: (i) => ({ em: i < 16 ? 0.4 + 0.3 * i / 16 : 0.7, tokens: 1500 }) },
  { name: 'responses run into the limit: 10 % cut off, EM -4 points', checkpoints: 32, turn: 16, due: 'truncation', truth: (i) => ({ em: 0.7 - (i < 16 ? 0 : 0.04), tokens: i < 16 ? 1500 : 1900, truncated: i < 16 ? 0.005 : 0.1 }) },
  { name: 'standstill: the same EM, 20,000 questions', checkpoints: 30, turn: 1, due: 'same_level', n: 20_000, truth: () => ({ em: 0.7, tokens: 1500 }) },
]

/** Some of these with 100 questions per checkpoint, a standard error of 4.6 points: changes that can't be seen must not be called good. */
export const FEW_QUESTIONS: readonly RunKind[] = RUNS
  .filter(({ name }) => /^healthy|^tokens halve over 5 checkpoints, EM -8|^noisy plateau/.test(name)).map((kind) => ({ ...kind, name: `${kind.name}; 100 questions`, n: 100 }))

/** Standard deviations between checkpoints beyond the draw of questions: half a point of EM and 2 % of the tokens. */
const [EM_JITTER, TOKENS_JITTER, QUESTIONS] = [0.005, 0.02, 1000]

/** Draws the evaluations of a run. */
export function drawRun ({ checkpoints, truth, n = QUESTIONS }: RunKind, seed: number): Reading[] {
  const random = mulberry32(seed * 7919)
  const jitter = n > QUESTIONS ? 0 : 1
  return Array.from({ length: checkpoints }, (_, i) => {
    const { em: true_em, tokens, truncated = 0.005 } = truth(i)
    const share = (p: number) => Math.min(1, Math.max(0, Math.round(n * (p + Math.sqrt(p * (1 - p) / n) * normal(random))) / n))
    const em = share(Math.min(1, Math.max(0, true_em + jitter * EM_JITTER * normal(random))))
    const measured = tokens * Math.exp(TOKENS_JITTER * normal(random))
    return { step: 250 * i, em, stderr: stderrOf({ em, n }), tokens: measured, n, truncated: share(truncated) }
  })
}

export interface Watched {
  /** Checkpoints from the turn to the verdict due, the first past the turn being 1; Infinity: never. */
  readonly needed: number
  /** False verdicts that were given at least once. */
  readonly wrong: ReadonlySet<VerdictName>
  /** How often `same_level` was given, and how often the true EM differed by more than half a point. */
  readonly same: { readonly said: number, readonly wrong: number }
}

/** Verdicts that are true of a run past its turn, besides the one due. */
const ALSO_TRUE: Partial<Record<VerdictName, readonly VerdictName[]>> = {
  tokens_collapsed: ['plateau'],
  length_hacking: ['costly_shortening'],
  costly_shortening: ['length_hacking'],
  truncation: ['overthinking'], // EM does fall as tokens rise
  same_level: ['plateau'],
}

/** Reads the verdicts after each checkpoint, as a team does. */
export function watchRun (kind: RunKind, readings: readonly Reading[], maxEmDrop = 0.02): Watched {
  const wrong = new Set<VerdictName>()
  const same = { said: 0, wrong: 0 }
  let needed = Infinity
  for (let known = 1; known <= readings.length; known++) {
    const isPast = kind.turn !== null && known > kind.turn
    for (const { verdict } of verdictsOf(readings.slice(0, known), { max_em_drop: maxEmDrop })) {
      if (isPast && verdict === kind.due) needed = Math.min(needed, known - kind.turn!)
      if (verdict === 'same_level') {
        same.said++
        if (Math.abs(kind.truth(known - 1).em - kind.truth(known - 2).em) > 0.005) same.wrong++
      } else if (!(isPast && verdict === kind.due) && !isTrue(kind, verdict, known - 1, isPast)) {
        wrong.add(verdict)
      }
    }
  }
  return { needed, wrong, same }
}

/** Whether a verdict other than the one due is true. */
function isTrue ({ due, truth }: RunKind, verdict: VerdictName, i: number, isPast: boolean): boolean {
  if (verdict === 'plateau') return Math.abs(truth(i).em - truth(Math.max(0, i - 11)).em) < 0.03 // too little for two evaluations of 1,000 questions to distinguish
  return isPast && due !== null && (ALSO_TRUE[due] ?? []).includes(verdict)
}

/** How many held-out checkpoints fell into their forecast intervals. */
export function coverageOf (readings: readonly Reading[]) {
  const steps = readings.map(({ step }) => step)
  return {
    em: forecastCoverage(steps, readings.map(({ em }) => em), EM_SCALE),
    tokens: forecastCoverage(steps, readings.map(({ tokens }) => tokens), TOKENS_SCALE),
  }
}

/**
 * A job that is suspended after every seventh checkpoint. It restarts before the last three and reports them again, with the same
 * figures if its evaluation is deterministic and with other figures if not.
 */
export function suspendAndReplay (
  kind: RunKind, seed: number, isDeterministic: boolean): { readings: Reading[], opened: number, reports: number } {
  const drawn = [drawRun(kind, seed), drawRun(kind, seed + 100_000)]
  let series: Series = { suite: 's', points: [], forgotten_through: null }
  let run: TrainingRun | null = null
  let opened = 0
  let reports = 0
  const report = ({ step, em, n, tokens, truncated }: Reading) => {
    const checkpoint = { step, suite: 's', em, n, tokens_mean: tokens, truncated_rate: truncated!, context: { model: 'q' } }
    const added = addReports(run, new Map([['s', series]]), [{ checkpoint, key: 'model=q' }], ++reports)
    series = added.series.get('s') ?? series
    opened += added.served.length
    run = { name: 'r', revision: reports, created_at: 0, updated_at: reports, suites: [], contexts: added.contexts }
  }
  for (let i = 0; i < kind.checkpoints; i++) {
    report(drawn[0]![i]!)
    if (i % 7 !== 6) continue
    for (let back = i - 2; back <= i; back++) report(drawn[isDeterministic ? 0 : 1]![back]!)
  }
  return { readings: readingsOf(series), opened, reports }
}
