import { stepsAtCadence } from '../../core/certificate/steps-at-cadence.js'
import type { Cadence } from '../../core/policy/cadence.js'
import type { RecordedRun } from './recorded-run.js'

/** Another cadence, and the cost of a probe. */
export interface Asking {
  readonly cadence: Cadence
  /** Tokens that a step spends on its probe; `null`: as recorded in the trace. */
  readonly probeTokens: number | null
}

/** A run as if it had been asked at another cadence. */
export function atCadence (run: RecordedRun, { cadence, probeTokens: each }: Asking): RecordedRun {
  const { steps, probeTokens = 0 } = stepsAtCadence(run.steps, cadence, each)
  return { ...run, steps, probeTokens }
}
