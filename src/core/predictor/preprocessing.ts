import { contextLevels } from './context-tree.js'
import { BASE_FEATURES, featureRows, featureScale, LENGTH_POWER, plainWeights } from './feature-rows.js'
import type { ContextWeights } from './predictor.js'
import { fitTree, type TreeFit } from './fit-tree.js'
import { signalScales } from './signal-scales.js'
import { typicalLengths } from './typical-lengths.js'
import type { UsableSample } from './usable-samples.js'

export type Preprocessing = ReturnType<typeof preprocess>

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
