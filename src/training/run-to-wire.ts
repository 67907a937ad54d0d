import type { TrainingRun } from '../core/training/run.js'
import { isoTime } from '../wire/to-wire.js'
import type { RunView } from './training-runs.js'

/** A run, as in the list of runs. */
export function summaryToWire ({ name, created_at, updated_at, suites, contexts }: TrainingRun) {
  return {
    run: name,
    created_at: isoTime(created_at),
    updated_at: isoTime(updated_at),
    suites,
    contexts: contexts.map(({ key }) => key),
  }
}

/** A run with its suites. */
export function runToWire ({ run, suites, contexts }: RunView) {
  return {
    run: run.name,
    created_at: isoTime(run.created_at),
    updated_at: isoTime(run.updated_at),
    suites: suites.map((suite) => ({
      ...suite,
      points: suite.points.map((point) => ({ ...point, received_at: isoTime(point.received_at) })),
    })),
    contexts: contexts.map(({ key, step, at, advice }) => ({ context: key, step, since: isoTime(at), advice })),
  }
}
