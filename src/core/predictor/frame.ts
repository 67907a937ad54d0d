import { contextLevels, type TreeNode } from './context-tree.js'
import { BASE_FEATURES, featureRows, featureScale, LENGTH_POWER, plainWeights, type FeatureScale } from './feature-rows.js'
import type { ContextWeights, SignalScale } from './predictor.js'
import { fitTree, type TreeFit } from './shrink.js'
import { signalScales } from './signal-scales.js'
import { typicalLengths } from './typical-lengths.js'
import type { UsableSample } from './usable-samples.js'

/** What samples are looked at with: made from all of them once, and the same for parts of them. */
export interface Frame {
  readonly tree: ReadonlyArray<readonly TreeNode[]>
  /** ln of the median full length, by context key. */
  readonly lengths: ReadonlyMap<string, number>
  readonly scale: FeatureScale
  readonly signals: readonly SignalScale[]
}

export function frameOf (samples: readonly UsableSample[]): Frame {
  const tree = contextLevels([...new Set(samples.map(({ leaf }) => leaf))])
  const lengths = typicalLengths(tree, samples)
  return { tree, lengths, scale: featureScale(samples, lengths), signals: signalScales(samples) }
}

/** @param known as `fitTree` has it */
export function fitFrame ({ tree, lengths, signals, scale }: Frame, samples: readonly UsableSample[], known?: TreeFit): TreeFit {
  const byLeaf = new Map<string, UsableSample[]>(tree[0]![0]!.leaves.map((leaf) => [leaf, []]))
  for (const sample of samples) byLeaf.get(sample.leaf)!.push(sample)
  const rows = new Map([...byLeaf].map(([leaf, own]) => [leaf, featureRows(own, lengths.get(leaf)!, signals, scale)]))
  return fitTree(tree, rows, BASE_FEATURES + signals.length, known)
}

/** What a score is computed with, by context key. */
export function contextWeights ({ tree, lengths, scale }: Frame, { weights }: TreeFit): Record<string, ContextWeights> {
  return Object.fromEntries(tree.flat().map(({ key }) =>
    [key, { log_median: lengths.get(key)!, length_power: LENGTH_POWER, weights: plainWeights(weights.get(key)!, scale) }]))
}
