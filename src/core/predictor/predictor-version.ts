import type { Predictor } from './predictor.js'

/** Predictors that are kept, retired ones too. */
export const MOST_PREDICTORS = 50

/** A predictor as it is kept: what it is never changes, only whether it is still in use. */
export interface PredictorVersion {
  readonly predictor: Predictor
  /** ms. */
  readonly created_at: number
  /** Name of the token it was imported with; `trainer` where the service trained it. */
  readonly by: string
  /** ms; `null`: it is a challenger or serves where policies let it. */
  readonly retired_at: number | null
}

/** Those that are not retired, by name, the newest last. */
export type LivePredictors = ReadonlyMap<string, Predictor>

/** @param versions in order */
export function livePredictors (versions: ReadonlyMap<string, PredictorVersion>): LivePredictors {
  return new Map([...versions].flatMap(([name, { predictor, retired_at }]) => retired_at === null ? [[name, predictor]] : []))
}

/** In the order in which they were made, the newest last. */
export function inOrder (versions: Iterable<PredictorVersion>): Map<string, PredictorVersion> {
  const sorted = [...versions].sort((a, b) => a.created_at - b.created_at || (a.predictor.name < b.predictor.name ? -1 : 1))
  return new Map(sorted.map((version) => [version.predictor.name, version]))
}
