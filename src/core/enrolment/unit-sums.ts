import { addLists, addOptional, zeroList } from '../certificate/add-lists.js'
import { EIGHTHS } from '../certificate/certificate.js'
import type { Unit } from '../certificate/unit.js'
import { murmur3 } from '../assignment/murmur3.js'

/**
 * Adds the samples of a group. `eighths` are sums, whole numbers, of which `meanUnit` makes the unit of the group.
 * @param sums `undefined` before the first sample
 */
export function addSample (sums: Unit | undefined, sample: Unit): Unit {
  if (sums === undefined) return sample
  const probeTokens = addOptional(sums.probe_tokens, sample.probe_tokens)
  return {
    tokens: sums.tokens + sample.tokens,
    em: sums.em + sample.em,
    labelled: sums.labelled + sample.labelled,
    unprobed_generations: sums.unprobed_generations + sample.unprobed_generations,
    eighths: addLists(sums.eighths, sample.eighths),
    stopped_tokens: addLists(sums.stopped_tokens, sample.stopped_tokens),
    unprobed: addLists(sums.unprobed, sample.unprobed),
    ...(probeTokens !== undefined && { probe_tokens: probeTokens }),
  }
}

/**
 * The unit of a group: at each threshold the mean difference over its samples, rounded to a whole eighth by the group's own hash, so that
 * the rounding adds nothing on average and never turns a smaller mean into a larger one (see docs/concepts/certificate.md).
 * @param sums of the samples that are known; `undefined`: none is
 * @param lost samples besides that count as lost
 * @param count samples that the mean is over, at least 1
 * @param u of the group
 */
export function meanUnit (sums: Unit | undefined, lost: number, count: number, u: number, thresholds: number): Unit {
  const known = sums ?? nothing(thresholds)
  if (count === 1 && lost === 0) return known
  const { eighths, ...rest } = known
  if (count === 1) return { ...rest, eighths: eighths.map((d) => d + EIGHTHS * lost) }
  const rounding = murmur3(`round:${u}`) / 0x1_0000_0000
  return { ...rest, eighths: eighths.map((sum) => Math.floor((sum + EIGHTHS * lost) / count + rounding)) }
}

function nothing (thresholds: number): Unit {
  const zeros = zeroList(thresholds)
  return { tokens: 0, em: 0, labelled: 0, unprobed_generations: 0, eighths: zeros, stopped_tokens: zeros, unprobed: zeros }
}
