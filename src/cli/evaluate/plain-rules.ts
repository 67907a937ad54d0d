import { BASELINES } from '../traces/baselines.js'
import { ranInFull, stoppedAt, type Ending, type RecordedRun, type RecordedStep } from '../traces/recorded-run.js'

/** A way to stop that does not learn. */
export interface PlainRule { readonly name: string, readonly end: (run: RecordedRun) => Ending }

const STREAK = 'answer_streak'

/** Stops at the first step that completes `times` steps in a row that satisfy a condition. */
function patient (times: number, holds: (step: RecordedStep) => boolean): PlainRule['end'] {
  return (run) => {
    let row = 0
    const step = run.steps.find((step) => (row = holds(step) ? row + 1 : 0) === times)
    return step === undefined ? ranInFull(run) : stoppedAt(run, step)
  }
}

const isSure = (least: number) => ({ confidence }: RecordedStep) => confidence !== null && confidence >= least

/**
 * Rules of thumb: a fixed threshold, or patience (Zhou et al. 2020, "BERT loses patience"): high confidence, or the same probed answer,
 * several steps in a row. Rules for answers need traces with the signal answer_streak.
 */
export function plainRules (runs: readonly RecordedRun[]): PlainRule[] {
  const fixed = [0.9, 0.95].map((least) => ({ name: `confidence >= ${least.toFixed(2)}`, end: patient(1, isSure(least)) }))
  const sure = [2, 3].map((times) => ({ name: `confidence >= 0.90, ${times} times`, end: patient(times, isSure(0.9)) }))
  const hasStreaks = runs.some(({ steps }) => steps.some(({ signals }) => signals?.[STREAK] !== undefined))
  const streaks = !hasStreaks
    ? []
    : [3, 5].map((least) =>
        ({ name: `same answer ${least} times`, end: patient(1, ({ signals }) => (signals?.[STREAK] ?? 0) >= least) }))
  return [{ name: 'never stop', end: BASELINES.never_stop }, ...fixed, ...sure, ...streaks]
}

/** The earliest step that is no worse than the full run, known only in hindsight. */
export const ORACLE: PlainRule = { name: 'best possible', end: BASELINES.best_possible }
