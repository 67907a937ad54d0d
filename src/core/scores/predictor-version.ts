import type { Pin } from '../policy/pin.js'
import { textDigest } from '../decide/hash.js'
import { TOKENS } from '../policy/policy.js'
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
  /** ms; `null`: policies may name it. */
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

const cache = new WeakMap<Predictor, string>()

/**
 * A digest of everything that a predictor's scores depend on, and of the groups it was trained on. A name can be reused with other weights
 * after the predictor was deleted, and evidence holds for one set of weights only: the fingerprint distinguishes them (up to one pair in
 * 2^64). Results are cached, since a predictor may take up a megabyte.
 * @returns 16 hexadecimal digits
 */
export function fingerprintOf (predictor: Predictor): string {
  let fingerprint = cache.get(predictor)
  if (fingerprint === undefined) cache.set(predictor, fingerprint = textDigest(textOf(predictor)))
  return fingerprint
}

function textOf ({ label, levels, signals, contexts, grid, trained: { groups } }: Predictor): string {
  const scales = signals.map(({ name, mean, scale }) => [name, mean, scale])
  const weights = Object.keys(contexts).sort().map((key) => {
    const { log_median: median, length_power: power, weights } = contexts[key]!
    return power === undefined || power === 0 ? [key, median, weights] : [key, median, weights, power]
  })
  return JSON.stringify([label, levels, scales, grid, groups, weights])
}

/** How learned state refers to a predictor. Without `fingerprint`, any predictor of that name is meant. */
export interface PredictorRef { readonly name: string, readonly fingerprint?: string | undefined }

export function refTo (predictor: Predictor): PredictorRef {
  return { name: predictor.name, fingerprint: fingerprintOf(predictor) }
}

/** The live predictor that a reference means; `undefined` if it is gone or another predictor has its name now. */
export function findPredictor (
  predictors: ReadonlyMap<string, Predictor>, { name, fingerprint }: PredictorRef): Predictor | undefined {
  const predictor = predictors.get(name)
  return predictor === undefined || fingerprint === undefined || fingerprintOf(predictor) === fingerprint ? predictor : undefined
}

/**
 * The pin as it takes effect. If its predictor is gone, or another predictor has its name, there is no score to compare with, and the pin
 * means never stop, since doubt means continue.
 */
export function usablePin (predictors: LivePredictors, pin: Pin | undefined): Pin | undefined {
  if (pin?.scorer === undefined || pin.scorer === TOKENS) return pin
  const { scorer: name, scorer_fingerprint: fingerprint, ...rest } = pin
  if (findPredictor(predictors, { name, fingerprint }) !== undefined) return pin
  return { ...rest, threshold: null }
}
