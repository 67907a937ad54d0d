import { textDigest } from '../assignment/text-digest.js'
import type { Predictor } from './predictor.js'

const known = new WeakMap<Predictor, string>()

/**
 * Stands for all that a predictor computes with and the groups it was trained on; two of one name have the same iff they give the same
 * scores and hold the same groups (but for one pair in 2^64). A name can come back with other weights once it was forgotten, and what is
 * said of a predictor elsewhere, evidence above all, speaks of these weights only.
 * @returns remembered, since a predictor is up to a megabyte
 */
export function fingerprintOf (predictor: Predictor): string {
  let fingerprint = known.get(predictor)
  if (fingerprint === undefined) known.set(predictor, fingerprint = textDigest(textOf(predictor)))
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

/** A predictor as what is learned names it; without a fingerprint where a version of before wrote it. */
export interface PredictorRef { readonly name: string, readonly fingerprint?: string | undefined }

export function refTo (predictor: Predictor): PredictorRef {
  return { name: predictor.name, fingerprint: fingerprintOf(predictor) }
}

/** The live predictor that is meant; none where another has its name now. */
export function predictorBy (
  predictors: ReadonlyMap<string, Predictor>, { name, fingerprint }: PredictorRef): Predictor | undefined {
  const predictor = predictors.get(name)
  return predictor === undefined || fingerprint === undefined || fingerprintOf(predictor) === fingerprint ? predictor : undefined
}
