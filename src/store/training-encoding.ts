import type { Series, TrainingRun } from '../core/training/run.js'
import { isRun } from './stored-schemas.js'

// The text of a run starts with its revision, so that a Redis script can compare it without parsing the rest.

export const encodeRun = (run: TrainingRun): string => `${run.revision} ${JSON.stringify(run)}`

/** @throws Error if the text is damaged */
export function decodeRun (text: string): TrainingRun {
  const run = JSON.parse(text.slice(text.indexOf(' ') + 1))
  if (!isRun(run)) throw new Error('a field is missing or has the wrong type')
  return run
}

/** The revision as the Redis script reads it; 0 if it is damaged. */
export const revisionOf = (text: string): number => Number(/^\d+/.exec(text)?.[0] ?? 0)

/** Reads an unreadable run as one without suites and contexts; the next report on it writes it again. */
export function readRun (name: string, text: string): TrainingRun {
  const revision = revisionOf(text)
  try { return { ...decodeRun(text), revision } } catch {
    return { name, revision, created_at: 0, updated_at: 0, suites: [], contexts: [] }
  }
}

/** A run starts with its first report on a suite, so it always has one. */
export const isUnreadableRun = ({ suites }: TrainingRun): boolean => suites.length === 0

export const encodeSeries = (series: Series): string => JSON.stringify(series)
export const decodeSeries = (text: string): Series => JSON.parse(text)

/** The key of a series in its table. Names can be any text. */
export const seriesKey = (run: string, suite: string): string => JSON.stringify([run, suite])
