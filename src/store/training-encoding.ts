import type { Series, TrainingRun } from '../core/training/run.js'
import { isRun } from './stored-schemas.js'

// A run's text begins with its revision, so that a script can compare it without reading the rest.

export const encodeRun = (run: TrainingRun): string => `${run.revision} ${JSON.stringify(run)}`

/** @throws where it is damaged */
export function decodeRun (text: string): TrainingRun {
  const run = JSON.parse(text.slice(text.indexOf(' ') + 1))
  if (!isRun(run)) throw new Error('a field is missing or has the wrong type')
  return run
}

/** As the script reads it too: 0 where that is damaged. */
export const revisionOf = (text: string): number => Number(/^\d+/.exec(text)?.[0] ?? 0)

/** One that is damaged has no suites and nowhere to be served, and the next report on it writes it anew. */
export function readRun (name: string, text: string): TrainingRun {
  const revision = revisionOf(text)
  try { return { ...decodeRun(text), revision } } catch {
    return { name, revision, created_at: 0, updated_at: 0, suites: [], contexts: [] }
  }
}

/** There is no run before the first report on a suite of it. */
export const isUnreadableRun = ({ suites }: TrainingRun): boolean => suites.length === 0

export const encodeSeries = (series: Series): string => JSON.stringify(series)
export const decodeSeries = (text: string): Series => JSON.parse(text)

/** Of a series in its table; names are any text. */
export const seriesKey = (run: string, suite: string): string => JSON.stringify([run, suite])
