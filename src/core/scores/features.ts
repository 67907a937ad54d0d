import { chainOf, parentKey, ROOT } from '../policy/context.js'
import type { Rows } from './logistic-regression.js'
import { logOdds, relativeLength, type SignalScale, standardised } from '../decide/scorer.js'
import type { Sample, UsableSample } from './sample.js'

/** The number of features that are not signals: the constant 1, the log-odds of the confidence, the relative length and their product. */
export const BASE_FEATURES = 4
/** Index of the product feature. */
export const PRODUCT = 3

/**
 * Power of the relative length in predictors trained here. On held-out runs, 0.5 to 0.7 forecasts older models best, and 0 forecasts
 * reasoners and frontier models best, all by small margins. Thresholds save as many tokens overall as with 0: one point more on AIME, one
 * or two points less on GPQA.
 */
export const LENGTH_POWER = 0.5

/** Mean and scale of the log-odds and of the relative length. Priors apply to the weights of standardised features. */
interface FeatureScale {
  readonly odds: { readonly mean: number, readonly scale: number }
  readonly length: { readonly mean: number, readonly scale: number }
}

interface Moments { weight: number, sum: number, squares: number }

function meanAndScale ({ weight, sum, squares }: Moments): { mean: number, scale: number } {
  const mean = sum / weight
  const scale = Math.sqrt(Math.max(0, squares / weight - mean ** 2))
  return { mean, scale: scale > 1e-6 ? scale : 1 } // A constant feature is left unscaled: only the ridge acts on its weight.
}

function lengthOf (tokens: number, logMedian: number): number {
  return relativeLength(tokens, { log_median: logMedian, length_power: LENGTH_POWER })
}

/** Means and standard deviations over all steps; the steps of a sample share its weight. */
export function featureScale (samples: readonly UsableSample[], logMedians: ReadonlyMap<string, number>): FeatureScale {
  const odds: Moments = { weight: 0, sum: 0, squares: 0 }
  const length: Moments = { weight: 0, sum: 0, squares: 0 }
  const add = (moments: Moments, value: number, weight: number) => {
    moments.weight += weight
    moments.sum += weight * value
    moments.squares += weight * value * value
  }
  for (const { leaf, steps, weight } of samples) {
    for (const { tokens, confidence } of steps) {
      add(odds, logOdds(confidence), weight / steps.length)
      add(length, lengthOf(tokens, logMedians.get(leaf)!), weight / steps.length)
    }
  }
  return { odds: meanAndScale(odds), length: meanAndScale(length) }
}

/** The rows of one context: one row per step, the steps of a sample share its weight, and y = 1 where stopping lost nothing. */
export function featureRows (
  samples: readonly UsableSample[], logMedian: number, signals: readonly SignalScale[], { odds, length }: FeatureScale): Rows {
  const p = BASE_FEATURES + signals.length
  const count = samples.reduce((sum, { steps }) => sum + steps.length, 0)
  const rows = { x: new Float64Array(count * p), y: new Uint8Array(count), weight: new Float64Array(count) }
  let row = 0
  for (const { steps, weight } of samples) {
    for (const step of steps) {
      const at = row * p
      const standardOdds = (logOdds(step.confidence) - odds.mean) / odds.scale
      const standardLength = (lengthOf(step.tokens, logMedian) - length.mean) / length.scale
      rows.x.set([1, standardOdds, standardLength, standardOdds * standardLength], at)
      for (const [i, signal] of signals.entries()) {
        const value = step.signals?.[signal.name]
        if (value !== undefined && Number.isFinite(value)) rows.x[at + BASE_FEATURES + i] = standardised(value, signal)
      }
      rows.y[row] = 1 - step.lost
      rows.weight[row++] = weight / steps.length
    }
  }
  return rows
}

/** Converts weights of standardised features into weights of plain features, which `scoreStep` uses. */
export function plainWeights (weights: Float64Array, { odds, length }: FeatureScale): number[] {
  const product = weights[PRODUCT]! / (odds.scale * length.scale)
  return [
    weights[0]! - weights[1]! * odds.mean / odds.scale - weights[2]! * length.mean / length.scale + product * odds.mean * length.mean,
    weights[1]! / odds.scale - product * length.mean,
    weights[2]! / length.scale - product * odds.mean,
    product,
    ...weights.slice(BASE_FEATURES),
  ]
}

/** The largest number of signals of a predictor: as many as a step may have. */
const MAX_SIGNALS = 16
/** A signal is used only if at least this share of the generations, and at least this many, have it. */
const MIN_SHARE = 0.05
const MIN_GENERATIONS = 20

interface Tally { generations: number, weight: number, sum: number, squares: number }

/**
 * Mean and standard deviation of each usable signal, sorted by name. Every generation has the same weight. Rare and constant signals are
 * left out.
 */
export function signalScales (samples: readonly Sample[]): SignalScale[] {
  const tallies = new Map<string, Tally>()
  for (const { steps } of samples) {
    const seen = new Set<string>()
    for (const { signals = {} } of steps) {
      for (const [name, value] of Object.entries(signals)) {
        if (!Number.isFinite(value)) continue
        let tally = tallies.get(name)
        if (tally === undefined) tallies.set(name, tally = { generations: 0, weight: 0, sum: 0, squares: 0 })
        if (!seen.has(name)) { seen.add(name); tally.generations++ }
        tally.weight += 1 / steps.length
        tally.sum += value / steps.length
        tally.squares += value * value / steps.length
      }
    }
  }
  return [...tallies]
    .filter(([, { generations }]) => generations >= Math.max(MIN_GENERATIONS, MIN_SHARE * samples.length))
    .sort(([a, x], [b, y]) => y.generations - x.generations || (a < b ? -1 : 1))
    .map(([name, { weight, sum, squares }]) => ({ name, mean: sum / weight, scale: Math.sqrt(squares / weight - (sum / weight) ** 2) }))
    .filter(({ mean, scale }) => Number.isFinite(scale) && scale > 1e-6 * Math.max(1, Math.abs(mean)))
    .slice(0, MAX_SIGNALS)
    .sort((a, b) => a.name < b.name ? -1 : 1)
}

/** Variance of the median relative to the mean, for normal values in the limit of many. */
const MEDIAN_VARIANCE = Math.PI / 2

/**
 * ln of the median full length of each context, in tokens. It is shrunk toward the parent's, the less so the more siblings differ beyond
 * sampling noise (normal-normal empirical Bayes; Gelman & Hill 2007, section 12.2).
 * @returns by context key
 */
export function typicalLengths (levels: ReadonlyArray<readonly TreeNode[]>, samples: readonly Sample[]): Map<string, number> {
  const logs = new Map<string, number[]>()
  for (const { leaf, tokens } of samples) {
    const list = logs.get(leaf)
    if (list === undefined) logs.set(leaf, [Math.log(tokens)]); else list.push(Math.log(tokens))
  }
  const result = new Map<string, number>()
  for (const nodes of levels) {
    const observed = nodes.map(({ key, parent, leaves }) => {
      const values = leaves.flatMap((leaf) => logs.get(leaf)!)
      const own = median(values)
      const spread = values.reduce((sum, value) => sum + (value - own) ** 2, 0)
      return { key, own, count: values.length, spread, above: parent === null ? own : result.get(parent.key)! }
    })
    const total = observed.reduce((sum, { count }) => sum + count, 0)
    const noise = MEDIAN_VARIANCE * observed.reduce((sum, { spread }) => sum + spread, 0) / total
    const excess = observed.reduce((sum, { own, above, count }) => sum + (own - above) ** 2 - noise / count, 0) / observed.length
    for (const { key, own, above, count } of observed) {
      const trust = noise === 0 ? 1 : Math.max(0, excess) / (Math.max(0, excess) + noise / count)
      result.set(key, above + trust * (own - above))
    }
  }
  return result
}

/** A context that has samples, directly or below it. */
export interface TreeNode {
  readonly key: string
  readonly parent: TreeNode | null
  readonly children: TreeNode[]
  /** Keys of the leaves below this context; a leaf lists itself. */
  readonly leaves: string[]
}

/** The leaves and all their ancestors, level by level: first the root alone, then its children, and so on. */
export function contextLevels (leaves: readonly string[]): TreeNode[][] {
  const withSamples = new Set(leaves)
  const nodes = new Map<string, TreeNode>()
  const levels: TreeNode[][] = []
  for (const leaf of [...new Set([ROOT, ...leaves])].sort()) {
    for (const [depth, key] of chainOf(leaf).entries()) {
      let node = nodes.get(key)
      if (node === undefined) {
        const parent = key === ROOT ? null : nodes.get(parentKey(key)!)!
        nodes.set(key, node = { key, parent, children: [], leaves: [] })
        parent?.children.push(node);
        (levels[depth] ??= []).push(node)
      }
      if (withSamples.has(leaf)) node.leaves.push(leaf)
    }
  }
  return levels
}

/** The median of at least one value; of an even number, the mean of the middle two. */
export function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
