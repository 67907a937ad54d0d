import type { Series, TrainingRun } from '../core/training/run.js'

// A run's text begins with its revision, so that a script can compare it without reading the rest.

export const encodeRun = (run: TrainingRun): string => `${run.revision} ${JSON.stringify(run)}`
export const decodeRun = (text: string): TrainingRun => JSON.parse(text.slice(text.indexOf(' ') + 1))

export const encodeSeries = (series: Series): string => JSON.stringify(series)
export const decodeSeries = (text: string): Series => JSON.parse(text)

/** Of a series in its table; names are any text. */
export const seriesKey = (run: string, suite: string): string => JSON.stringify([run, suite])
