import { nextCheckTokens, type Cadence } from '../../core/policy/cadence.js'
import type { RecordedRun, RecordedStep } from './recorded-run.js'

/** Another cadence, and what a probe costs. */
export interface Asking {
  readonly cadence: Cadence
  /** Tokens that a step spends on its probe; `null`: as the trace says. */
  readonly probeTokens: number | null
}

/** A run as if it had been asked at another cadence: of its steps, those that are due, each at the first recorded one from there on. */
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
