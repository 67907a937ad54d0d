import type { Series, TrainingRun } from '../core/training/run.js'
import { isWholeRun } from './whole.js'

// A run's text begins with its revision, so that a script can compare it without reading the rest.

export const encodeRun = (run: TrainingRun): string => `${run.revision} ${JSON.stringify(run)}`
export const decodeRun = (text: string): TrainingRun => JSON.parse(text.slice(text.indexOf(' ') + 1))

/** One that is damaged has no suites and nowhere to be served, and the next report on it writes it anew. */
export function readRun (name: string, text: string): TrainingRun {
  try {
    const run = decodeRun(text)
    if (isWholeRun(run)) return run
  } catch { /* as below */ }
  return { name, revision: Number.parseInt(text), created_at: 0, updated_at: 0, suites: [], contexts: [] }
}

/** There is no run before the first report on a suite of it. */
export const isUnreadableRun = ({ suites }: TrainingRun): boolean => suites.length === 0

export const encodeSeries = (series: Series): string => JSON.stringify(series)
export const decodeSeries = (text: string): Series => JSON.parse(text)

/** Of a series in its table; names are any text. */
export const seriesKey = (run: string, suite: string): string => JSON.stringify([run, suite])
