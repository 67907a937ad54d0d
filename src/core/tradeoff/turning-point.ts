import type { Evidence } from '../certificate/evidence.js'
import { priceBetween, type Price, type Segment } from './segments.js'

/** Where loosening begins to cost more EM than it may. */
export interface Turn {
  /** Grid index of the last threshold before; -1: never stopping is better than stopping at all. */
  readonly index: number
  /** The price of the next tokens, over the segment that follows; `null` where that is too short to say. */
  readonly next: Price | null
  /** The same over all the rest. */
  readonly rest: Price
  /** One of the two is above what is allowed even at the low end of its interval. */
  readonly is_sure: boolean
}

/** The turn of the smoothed curve; `null`: within the data no percent is predicted to cost more than is allowed, or hardly any is left. */
export function turnOf (evidence: Evidence, segments: readonly Segment[], allowed: number, level: number): Turn | null {
  const after = segments.find(({ price }) => price > allowed)
  if (after === undefined || evidence.generations === 0) return null
  const next = priceBetween(evidence, after.from, after.to, level)
  const rest = priceBetween(evidence, after.from, segments.at(-1)!.to, level)
  if (rest === null) return null
  return { index: after.from, next, rest, is_sure: [next, rest].some((price) => price !== null && price.low > allowed) }
}
