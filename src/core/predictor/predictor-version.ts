import type { Predictor } from './predictor.js'

/** The largest number of stored predictors, retired ones included. */
export const MAX_PREDICTORS = 50

/** A stored predictor. The predictor never changes; only `retired_at` does. */
export interface PredictorVersion {
  readonly predictor: Predictor
  /** ms. */
  readonly created_at: number
  /** Name of the token that imported it; `trainer` if the service trained it. */
  readonly by: string
  /** ms; `null`: in use, as a challenger or serving, where policies allow it. */
  readonly retired_at: number | null
}

/** Predictors that are not retired, by name, the newest last. */
export type LivePredictors = ReadonlyMap<string, Predictor>

/** @param versions in creation order */
export function livePredictors (versions: ReadonlyMap<string, PredictorVersion>): LivePredictors {
  return new Map([...versions].flatMap(([name, { predictor, retired_at }]) => retired_at === null ? [[name, predictor]] : []))
}

/** Sorts versions by creation time, the newest last; those created at the same time are sorted by name. */
export function inCreationOrder (versions: Iterable<PredictorVersion>): Map<string, PredictorVersion> {
  const sorted = [...versions].sort((a, b) => a.created_at - b.created_at || (a.predictor.name < b.predictor.name ? -1 : 1))
  return new Map(sorted.map((version) => [version.predictor.name, version]))
}
