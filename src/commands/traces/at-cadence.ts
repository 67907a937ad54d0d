import { nextCheckTokens, type Cadence } from '../../core/policy/cadence.js'
import type { RecordedRun, RecordedStep } from './recorded-run.js'

/** Another cadence, and the cost of a probe. */
export interface Asking {
  readonly cadence: Cadence
  /** Tokens that a step spends on its probe; `null`: as recorded in the trace. */
  readonly probeTokens: number | null
}

/** A run as if it had been asked at another cadence: for each due check, the first recorded step from there on is kept. */
export function atCadence (run: RecordedRun, { cadence, probeTokens }: Asking): RecordedRun {
  const steps: RecordedStep[] = []
  let due = nextCheckTokens(cadence, 0)
  let [spent, before] = [0, 0]
  for (const step of run.steps) {
    const own = step.probeTokens - before
    before = step.probeTokens
    if (step.tokens < due) continue
    spent += probeTokens ?? own
    steps.push({ ...step, probeTokens: spent })
    due = nextCheckTokens(cadence, step.tokens)
  }
  return { ...run, steps, probeTokens: spent }
}
