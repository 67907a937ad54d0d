import { emDrop, type Evidence } from './evidence.js'
import { isotonic } from './isotonic.js'
import type { Policy } from '../policy/policy.js'

type Prices = Pick<Policy, 'value_of_em' | 'price_per_1k_tokens'>

/**
 * Expected utility of stopping at a threshold over never stopping, a generation, in the policy's currency: tokens saved at their price
 * less the net EM drop at its value, both as seen. 0 for -1, never stopping; `null` without prices or evidence.
 */
export function expectedUtility (evidence: Evidence, index: number, prices: Prices): number | null {
  const { value_of_em: value, price_per_1k_tokens: price } = prices
  if (value === null || price === null || evidence.generations === 0) return null
  return price * savedBy(evidence, index) / 1000 - value * (index === -1 ? 0 : emDrop(evidence, index))
}

/**
 * The threshold to serve among those that are certified: all of them hold at once, so choosing after looking costs nothing. Without prices
 * it is the ceiling, which saves the most. With prices it is the one of best expected utility, never stopping among them at utility 0:
 *  1. The best of many noisy estimates looks better than it is. So the drop is smoothed to be non-decreasing, each threshold weighing by
 *     how sure its estimate is, and taken as no less than it was seen to be: luck at one threshold between worse ones does not count.
 *  2. It stays unless another is better by a standard error of their difference, which rests on the generations that one of them loses or
 *     wins and the other does not: at least as many as their counts differ by. That is a distance, and so is its root: having moved, it
 *     would not move again on the same evidence.
 * The utility less that margin is linear in the two prices, so only their ratio counts, and EM worth more never moves it looser.
 * @param ceiling grid index of the loosest certified threshold, -1 for none
 * @param current the one in force
 */
export function bestIndex (evidence: Evidence, ceiling: number, prices: Prices, current: number): number {
  const { value_of_em: value, price_per_1k_tokens: price } = prices
  if (ceiling === -1 || value === null || price === null) return ceiling
  const { generations: n, lost, gained } = evidence
  const seen = lost.slice(0, ceiling + 1).map((_, k) => emDrop(evidence, k))
  const smooth = isotonic(seen, seen.map((_, k) => 1 / (lost[k]! + gained[k]! + 1)))
  const dropOf = (k: number) => k === -1 ? 0 : Math.max(smooth[k]!, seen[k]!)
  const countsOf = (k: number): [number, number] => k === -1 ? [0, 0] : [lost[k]!, gained[k]!]
  const stay = Math.min(current, ceiling)
  const [lostNow, gainedNow] = countsOf(stay)
  let [best, most] = [stay, 0]
  for (let k = -1; k <= ceiling; k++) {
    if (k === stay) continue
    const [lostThen, gainedThen] = countsOf(k)
    const margin = Math.sqrt(Math.abs(lostThen - lostNow) + Math.abs(gainedThen - gainedNow) + 1) / n
    const better = price * (savedBy(evidence, k) - savedBy(evidence, stay)) / 1000 - value * (dropOf(k) - dropOf(stay) + margin)
    if (better > most) [best, most] = [k, better]
  }
  return best
}

/** Mean tokens a generation that the threshold saves. */
function savedBy ({ generations, full_tokens, tokens }: Evidence, k: number): number {
  return k === -1 ? 0 : (full_tokens - tokens[k]!) / generations
}
