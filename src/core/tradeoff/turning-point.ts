import type { Evidence } from '../certificate/evidence.js'
import { priceBetween, type Price, type Segment } from './segments.js'

/** Where loosening the threshold begins to cost more EM per token than allowed. */
export interface TurningPoint {
  /** Grid index of the last threshold at an allowed price; -1: every threshold is too expensive. */
  readonly index: number
  /** The price on the segment that follows; `null` if the segment is too short to estimate it. */
  readonly next: Price | null
  /** The price over everything that follows. */
  readonly rest: Price
  /** Whether either price exceeds the allowed one even at the low end of its interval. */
  readonly is_sure: boolean
}

/**
 * The point beyond which the smoothed curve is steeper than the allowed price.
 * @param allowed EM per percent of tokens
 * @param level of the intervals
 * @returns `null` if no segment is too expensive, or the expensive ones hold too few tokens
 */
export function turningPoint (evidence: Evidence, segments: readonly Segment[], allowed: number, level: number): TurningPoint | null {
  const after = segments.find(({ price }) => price > allowed)
  if (after === undefined || evidence.generations === 0) return null
  const next = priceBetween(evidence, after.from, after.to, level)
  const rest = priceBetween(evidence, after.from, segments.at(-1)!.to, level)
  if (rest === null) return null
  return { index: after.from, next, rest, is_sure: [next, rest].some((price) => price !== null && price.low > allowed) }
}
