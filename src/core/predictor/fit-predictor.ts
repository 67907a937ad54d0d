import type { Label } from '../policy.js'
import { contextLevels, type TreeNode } from './context-tree.js'
import { BASE_FEATURES, featureRows, featureScale, plainWeights, type FeatureScale } from './feature-rows.js'
import type { Rows } from './logistic-regression.js'
import type { ContextWeights, Predictor, SignalScale } from './predictor.js'
import type { Sample } from './sample.js'
import { scoreGrid } from './score-grid.js'
import { fitTree, type TreeFit } from './shrink.js'
import { signalScales } from './signal-scales.js'
import { typicalLengths } from './typical-lengths.js'
import { usableSamples } from './usable-samples.js'

/** Too little to learn from: fewer generations than this, */
const LEAST_GENERATIONS = 50
/** or fewer than this that show a step where something would have been lost, or none. */
const LEAST_OF_EACH = 5

/** Everything a fit is made from; the scales are those of all samples. */
export interface Prepared {
  readonly samples: readonly Sample[]
  readonly tree: ReadonlyArray<readonly TreeNode[]>
  readonly lengths: ReadonlyMap<string, number>
  readonly scale: FeatureScale
  readonly signals: readonly SignalScale[]
}

/**
 * Learns P(EM is not lost by stopping now) from control generations: a logistic regression whose weights are shrunk, context by context,
 * toward the parent's. The same samples give the same predictor to the bit, in whatever order they come.
 * @returns `null` where there is too little to learn from: under 50 generations of the label, or under 5 in which stopping would have
 *   lost something at some step, or under 5 in which it would not
 */
export function fitPredictor (
  samples: readonly Sample[], { name, label, levels }: { readonly name: string, readonly label: Label, readonly levels: string }
): Predictor | null {
  const usable = usableSamples(samples, label)
  const showing = (lost: 0 | 1) => usable.filter(({ steps }) => steps.some((step) => step.lost === lost)).length
  if (usable.length < LEAST_GENERATIONS || showing(1) < LEAST_OF_EACH || showing(0) < LEAST_OF_EACH) return null
  const prepared = prepare(usable)
  const fit = fitTree(prepared.tree, rowsOf(prepared, usable), BASE_FEATURES + prepared.signals.length)
  const predictor = {
    name,
    label,
    levels,
    signals: prepared.signals,
    contexts: contextWeights(prepared, fit),
    trained: {
      generations: usable.length,
      steps: usable.reduce((sum, { steps }) => sum + steps.length, 0),
      groups: [...new Set(usable.map(({ u }) => u))].sort((a, b) => a - b),
    },
  }
  return { ...predictor, grid: scoreGrid(predictor, usable) }
}

function prepare (samples: readonly Sample[]): Prepared {
  const tree = contextLevels([...new Set(samples.map(({ leaf }) => leaf))])
  const lengths = typicalLengths(tree, samples)
  return { samples, tree, lengths, scale: featureScale(samples, lengths), signals: signalScales(samples) }
}

/** The rows of each leaf of the tree, from these samples. */
export function rowsOf ({ tree, lengths, signals, scale }: Prepared, samples: readonly Sample[]): Map<string, Rows> {
  const byLeaf = new Map<string, Sample[]>(tree[0]![0]!.leaves.map((leaf) => [leaf, []]))
  for (const sample of samples) byLeaf.get(sample.leaf)!.push(sample)
  return new Map([...byLeaf].map(([leaf, own]) => [leaf, featureRows(own, lengths.get(leaf)!, signals, scale)]))
}

export function contextWeights ({ tree, lengths, scale }: Prepared, { weights }: TreeFit): Record<string, ContextWeights> {
  return Object.fromEntries(tree.flat().map(({ key }) =>
    [key, { log_median: lengths.get(key)!, weights: plainWeights(weights.get(key)!, scale) }]))
}
