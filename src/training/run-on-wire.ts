import type { Context } from '../core/context.js'
import type { TrainingRun } from '../core/training/run.js'
import { iso } from '../http/on-wire.js'
import type { RunView } from './training.js'

/** A run as the list has it. */
export function summaryOnWire ({ name, created_at, updated_at, suites, contexts }: TrainingRun) {
  return {
    run: name,
    created_at: iso(created_at),
    updated_at: iso(updated_at),
    suites: suites.map((suite) => ({ ...suite, verdicts: [...suite.verdicts] })),
    contexts: contexts.map(({ key }) => key),
  }
}

/** A run in full. */
export function runOnWire ({ run, suites, contexts }: RunView) {
  return {
    run: run.name,
    created_at: iso(run.created_at),
    updated_at: iso(run.updated_at),
    suites: suites.map((suite) => ({
      ...suite,
      points: suite.points.map((point) => ({
        ...withOwnContext(point),
        received_at: iso(point.received_at),
        earlier_attempts: point.earlier_attempts.map(withOwnContext),
      })),
      forecast: [...suite.forecast],
      verdicts: [...suite.verdicts],
    })),
    contexts: contexts.map(({ key, step, at, advice }) => ({ context: key, step, since: iso(at), advice: [...advice] })),
  }
}

/** The schema's type may be written to. */
function withOwnContext<T extends { readonly context?: Context }> ({ context, ...figures }: T) {
  return { ...figures, ...(context && { context: { ...context } }) }
}
