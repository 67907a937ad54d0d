import type { Label } from '../policy/policy.js'
import {
  BASE_FEATURES, contextLevels, featureRows, featureScale, LENGTH_POWER, plainWeights, signalScales, typicalLengths,
} from './features.js'
import { fitTree, type TreeFit } from './fit-tree.js'
import { type EvidenceTerms, type HeldOutRun, heldOutSavings } from './held-out-savings.js'
import { type Calibration, type Predictor, scorerFor } from './predictor.js'
import { type ContextWeights, scoreStep } from '../decide/scorer.js'
import { type Sample, type UsableSample, usableSamples } from './sample.js'
import { scoreGrid } from './score-grid.js'

/** Generations that a fit needs at least. */
const MIN_GENERATIONS = 50
/** Generations with a step where stopping loses EM that a fit needs at least, and as many with a step where it does not. */
export const MIN_OF_EACH = 5

/** The result of a fit. */
interface FitTarget {
  readonly name: string
  readonly label: Label
  readonly levels: string
  /** Terms of the leaves whose contexts get an estimate of savings; absent: none does. */
  readonly terms?: Readonly<Record<string, EvidenceTerms>>
}

/**
 * Learns P(EM is not lost by stopping now) from control generations, by a logistic regression that shrinks the weights of each context
 * toward those of its parent. The same samples give the same predictor to the bit, whatever their order.
 * @returns `null` if there are fewer than `MIN_GENERATIONS` generations with this label, or fewer than `MIN_OF_EACH` of either kind
 */
export function fitPredictor (samples: readonly Sample[], { name, label, levels, terms = {} }: FitTarget): Predictor | null {
  const usable = usableSamples(samples, label)
  const countWith = (lost: 0 | 1) => usable.filter(({ steps }) => steps.some((step) => step.lost === lost)).length
  if (usable.length < MIN_GENERATIONS || countWith(1) < MIN_OF_EACH || countWith(0) < MIN_OF_EACH) return null
  const frame = preprocess(usable)
  const fit = fitWeights(frame, usable)
  const predictor = {
    name,
    label,
    levels,
    signals: frame.signals,
    contexts: contextWeights(frame, fit),
    trained: {
      generations: usable.length,
      steps: usable.reduce((sum, { steps }) => sum + steps.length, 0),
      groups: [...new Set(usable.map(({ u }) => u))].sort((a, b) => a - b),
    },
  }
  const held = scoreHeldOut(frame, usable, fit)
  const calibration = calibrationOf(held.flatMap(forecastsOf))
  return {
    ...predictor,
    grid: scoreGrid(predictor, usable),
    ...(calibration && { calibration }),
    held_out_savings: heldOutSavings(held, terms),
  }
}

type Preprocessing = ReturnType<typeof preprocess>

/**
 * Everything that turns samples into rows: the tree of contexts, ln of the median full length by context key, and the scales of features
 * and signals. It is computed once from all samples, and also used for fits to a part of them.
 */
export function preprocess (samples: readonly UsableSample[]) {
  const tree = contextLevels([...new Set(samples.map(({ leaf }) => leaf))])
  const lengths = typicalLengths(tree, samples)
  return { tree, lengths, scale: featureScale(samples, lengths), signals: signalScales(samples) }
}

/** Fits the weights of every context. @param known see `fitTree` */
export function fitWeights ({ tree, lengths, signals, scale }: Preprocessing, samples: readonly UsableSample[], known?: TreeFit): TreeFit {
  const byLeaf = new Map<string, UsableSample[]>(tree[0]![0]!.leaves.map((leaf) => [leaf, []]))
  for (const sample of samples) byLeaf.get(sample.leaf)!.push(sample)
  const rows = new Map([...byLeaf].map(([leaf, own]) => [leaf, featureRows(own, lengths.get(leaf)!, signals, scale)]))
  return fitTree(tree, rows, BASE_FEATURES + signals.length, known)
}

/** The weights that scores are computed with, by context key. */
export function contextWeights ({ tree, lengths, scale }: Preprocessing, { weights }: TreeFit): Record<string, ContextWeights> {
  return Object.fromEntries(tree.flat().map(({ key }) =>
    [key, { log_median: lengths.get(key)!, length_power: LENGTH_POWER, weights: plainWeights(weights.get(key)!, scale) }]))
}

/** Folds of the cross-validation. */
const FOLDS = 5

/**
 * The fold of a group. All control draws have a `u` below the control share, so only the low bits of its 32 bits vary freely; the remainder
 * of a division by an odd number depends on them.
 */
export function foldOf (u: number): number {
  return Math.floor(u * 0x1_0000_0000) % FOLDS
}

/** Splits samples for cross-validation: each group is held out of exactly one fit. */
export function foldsOf<S extends Pick<Sample, 'u'>> (samples: readonly S[]): Array<{ readonly held: S[], readonly training: S[] }> {
  return Array.from({ length: FOLDS }, (_, fold) => ({
    held: samples.filter(({ u }) => foldOf(u) === fold), training: samples.filter(({ u }) => foldOf(u) !== fold),
  })).filter(({ held, training }) => held.length > 0 && training.length > 0)
}

/**
 * Scores each fold of the groups with weights and thresholds fitted to the other folds. Scales, medians and the variances of the weights
 * come from all samples, since a single sample hardly moves them.
 * @param known the fit to all samples
 */
export function scoreHeldOut (frame: Preprocessing, samples: readonly UsableSample[], known: TreeFit): HeldOutRun[] {
  return foldsOf(samples).flatMap(({ held, training }) => {
    const fitted = { name: '', signals: frame.signals, contexts: contextWeights(frame, fitWeights(frame, training, known)) }
    const predictor = { ...fitted, grid: scoreGrid(fitted, training) }
    return held.map((sample) => {
      const scorer = scorerFor(predictor, sample.leaf)
      const scores = sample.steps.map(({ tokens, confidence, signals }) => scoreStep(scorer, tokens, confidence, signals)!)
      return { sample, scores, grid: predictor.grid }
    })
  })
}

/** The steps of a generation as forecasts. */
export function forecastsOf ({ sample: { steps }, scores }: HeldOutRun): HeldOutForecast[] {
  return steps.map(({ confidence, lost }, i) =>
    ({ predicted: scores[i]!, confidence, kept: lost === 1 ? 0 : 1, weight: 1 / steps.length }))
}

const BINS = 10

/** The prediction for a step of a generation that was held out of the fit. */
export interface HeldOutForecast {
  /** P(EM is not lost by stopping here). */
  readonly predicted: number
  /** The raw confidence, for comparison. */
  readonly confidence: number
  /** 1: stopping here lost no EM. */
  readonly kept: 0 | 1
  /** The weights of all steps of a generation sum to 1. */
  readonly weight: number
}

/**
 * Measures calibration: a reliability diagram with bins of equal weight, its expected calibration error (Naeini, Cooper & Hauskrecht 2015)
 * and the Brier score (Brier 1950). Both errors are also computed for the raw confidence, read as a probability.
 * @returns `null` if there are no forecasts
 */
export function calibrationOf (forecasts: readonly HeldOutForecast[]): Calibration | null {
  if (forecasts.length === 0) return null
  const own = reliabilityBins(forecasts, ({ predicted }) => predicted)
  const raw = reliabilityBins(forecasts, ({ confidence }) => confidence)
  return {
    generations: Math.round(forecasts.reduce((sum, { weight }) => sum + weight, 0)),
    steps: forecasts.length,
    brier: brier(forecasts, ({ predicted }) => predicted),
    brier_confidence: brier(forecasts, ({ confidence }) => confidence),
    ece: calibrationError(own),
    ece_confidence: calibrationError(raw),
    reliability: own,
  }
}

type ProbabilityOf = (forecast: HeldOutForecast) => number

function brier (forecasts: readonly HeldOutForecast[], probabilityOf: ProbabilityOf): number {
  const total = forecasts.reduce((sum, { weight }) => sum + weight, 0)
  return forecasts.reduce((sum, forecast) => sum + forecast.weight * (probabilityOf(forecast) - forecast.kept) ** 2, 0) / total
}

function reliabilityBins (forecasts: readonly HeldOutForecast[], probabilityOf: ProbabilityOf): Calibration['reliability'] {
  const total = forecasts.reduce((sum, { weight }) => sum + weight, 0)
  const bins = Array.from({ length: BINS }, () => ({ weight: 0, predicted: 0, observed: 0 }))
  let weightBefore = 0
  for (const forecast of forecasts.toSorted((a, b) => probabilityOf(a) - probabilityOf(b))) {
    // The middle of the forecast's weight decides the bin, so that rounding errors never open an eleventh one.
    const bin = bins[Math.min(BINS - 1, Math.floor(BINS * (weightBefore + forecast.weight / 2) / total))]!
    weightBefore += forecast.weight
    bin.weight += forecast.weight
    bin.predicted += forecast.weight * probabilityOf(forecast)
    bin.observed += forecast.weight * forecast.kept
  }
  return bins.filter(({ weight }) => weight > 0).map(({ weight, predicted, observed }) =>
    ({ predicted: predicted / weight, observed: observed / weight, weight: weight / total }))
}

function calibrationError (bins: Calibration['reliability']): number {
  return bins.reduce((sum, { predicted, observed, weight }) => sum + weight * Math.abs(predicted - observed), 0)
}

/** How a fit ended: `trained` a predictor, found too little data (`none`), or threw (`failed`). */
export interface FitResult { readonly result: 'trained' | 'none' | 'failed', readonly seconds: number }
