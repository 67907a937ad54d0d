import type { Evidence } from '../certificate/evidence.js'
import { priceBetween, type Segment } from './segments.js'

/**
 * The point beyond which the smoothed curve is steeper than the allowed price.
 * @param allowed EM per percent of tokens
 * @param level of the intervals
 * @returns grid index of the last threshold at an allowed price (-1: all are too expensive), the price on the segment that follows (`null`
 *   if it is too short), the price over everything that follows, and whether either is too high even at the low end of its interval;
 *   `null` if no segment is too expensive, or the expensive ones hold too few tokens
 */
export function turningPoint (evidence: Evidence, segments: readonly Segment[], allowed: number, level: number) {
  const after = segments.find(({ price }) => price > allowed)
  if (after === undefined || evidence.generations === 0) return null
  const next = priceBetween(evidence, after.from, after.to, level)
  const rest = priceBetween(evidence, after.from, segments.at(-1)!.to, level)
  if (rest === null) return null
  return { index: after.from, next, rest, is_sure: [next, rest].some((price) => price !== null && price.low > allowed) }
}
