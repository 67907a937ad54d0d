import type { Policy } from '../policy/policy.js'
import { reaches } from './certificate.js'
import { differencesAt, emDrop, type Evidence, thresholdsOf, tokensSaved } from './evidence.js'
import { lossScale } from './judge-errors.js'

/**
 * Index of the loosest certified threshold: walk the grid from the safest, stop at the first that fails, return the last that passed; -1 if
 * none does. Fixed-sequence testing keeps the whole grid at the level of one test (Angelopoulos et al. 2021, "Learn then Test").
 * @param a max_em_drop
 * @param logBar ln(1/error_level), or more
 */
export function certifiedIndex (evidence: Evidence, a: number, logBar: number): number {
  return loosestPassing((k) => reaches(a, differencesAt(evidence, k), logBar), thresholdsOf(evidence))
}

/**
 * The loosest threshold of the unbroken run that passes, tested from the safest on; -1 for none.
 * @param passes whether the evidence at threshold k reaches the bar
 * @param from the loosest one that is certified already
 */
export function loosestPassing (passes: (k: number) => boolean, thresholds: number, from = -1): number {
  let index = from
  while (index + 1 < thresholds && passes(index + 1)) index++
  return index
}

type Prices = Pick<Policy, 'value_of_em' | 'price_per_1k_tokens' | 'judge_miss_rate'>

/** The price of the tokens, and the value of an EM drop as it is seen, which is higher where a judge misses some of the losses. */
export function pricesOf ({ value_of_em: value, price_per_1k_tokens: price, judge_miss_rate: missRate }: Prices) {
  return { value: value === null ? null : value / lossScale(missRate), price }
}

/**
 * Expected utility for each generation of stopping at a threshold rather than never, in the policy's currency: the price of the tokens
 * saved less the value of the net EM drop, both as observed; the drop is raised by the losses that a judge misses. 0 for index -1 (never
 * stop); `null` without prices or evidence.
 */
export function expectedUtility (evidence: Evidence, index: number, prices: Prices): number | null {
  const { value, price } = pricesOf(prices)
  if (value === null || price === null || evidence.generations === 0) return null
  return price * savedBy(evidence, index) / 1000 - value * (index === -1 ? 0 : emDrop(evidence, index))
}

/**
 * The threshold to serve among the certified ones. All of them hold at once, so choosing after looking costs nothing. Without prices it is
 * the ceiling, which saves the most tokens, probes deducted: a looser threshold stops no later, and so after no more probes. Where even
 * there the probes cost as much, it is never stopping. With prices it is the one of best expected utility, where never stopping has
 * utility 0:
 *  1. The best of many noisy estimates looks better than it is. So the drop is smoothed to be non-decreasing, weighted by the precision of
 *     each estimate, and never taken to be less than seen: a lucky threshold between worse ones gains nothing.
 *  2. The current threshold stays unless another is better by a standard error of their difference. The difference rests on the generations
 *     that one of the two loses or gains and the other does not: at least as many as their counts differ by. That margin is a metric, so
 *     the choice never changes twice on the same evidence.
 * The utility less that margin is linear in the two prices: only their ratio counts, and a higher value of EM never loosens the choice.
 * @param loosest index of the loosest certified threshold, -1 for none
 * @param inForce index of the one in force, -1 for none
 * @returns an index, -1 for never stopping
 */
export function bestIndex (evidence: Evidence, loosest: number, prices: Prices, inForce: number): number {
  const { value, price } = pricesOf(prices)
  if (loosest === -1) return -1
  if (value === null || price === null) return tokensSaved(evidence, loosest) <= 0 ? -1 : loosest
  const { lost, gained } = evidence
  const seen = lost.slice(0, loosest + 1).map((_, k) => emDrop(evidence, k))
  const smooth = isotonic(seen, seen.map((_, k) => 1 / (lost[k]! + gained[k]! + 1)))
  const dropOf = (k: number) => k === -1 ? 0 : Math.max(smooth[k]!, seen[k]!)
  const stay = Math.min(inForce, loosest)
  let [best, most] = [stay, 0]
  for (let k = -1; k <= loosest; k++) {
    if (k === stay) continue
    const margin = standardError(evidence, k, stay)
    const better = price * (savedBy(evidence, k) - savedBy(evidence, stay)) / 1000 - value * (dropOf(k) - dropOf(stay) + margin)
    if (better > most) [best, most] = [k, better]
  }
  return best
}

/** Standard error of the difference of two thresholds' EM drops, at the least; -1: never stopping. */
export function standardError ({ generations, lost, gained }: Evidence, k: number, other: number): number {
  const between = (counts: readonly number[]) => Math.abs((counts[k] ?? 0) - (counts[other] ?? 0))
  return Math.sqrt(between(lost) + between(gained) + 1) / generations
}

/** Mean tokens that the threshold saves in a generation, net of its probes. */
function savedBy (evidence: Evidence, k: number): number {
  return k === -1 ? 0 : tokensSaved(evidence, k) / evidence.generations
}

/** Neighbours `from`..`to` (inclusive) that share one value, their weighted mean. */
interface Block { readonly from: number, readonly to: number, readonly value: number, readonly weight: number }

/**
 * The non-decreasing sequence nearest to `values` by weighted least squares, as blocks: neighbours out of order are pooled until none is
 * left (pool adjacent violators: Barlow, Bartholomew, Bremner & Brunk 1972; Robertson, Wright & Dykstra 1988, section 1.2).
 * The last of the original values in a block is never above the value of the block.
 * @param weights positive
 */
export function isotonicBlocks (values: readonly number[], weights: readonly number[]): Block[] {
  const blocks: Block[] = []
  for (const [i, value] of values.entries()) {
    let block: Block = { from: i, to: i, value, weight: weights[i]! }
    while (blocks.length > 0 && blocks.at(-1)!.value >= block.value) {
      const before = blocks.pop()!
      const weight = before.weight + block.weight
      block = { from: before.from, to: block.to, value: (before.value * before.weight + block.value * block.weight) / weight, weight }
    }
    blocks.push(block)
  }
  return blocks
}

/** The same sequence, value by value. */
export function isotonic (values: readonly number[], weights: readonly number[]): number[] {
  return isotonicBlocks(values, weights).flatMap(({ from, to, value }) => new Array<number>(to - from + 1).fill(value))
}
