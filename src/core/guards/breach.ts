import type { Policy } from '../policy/policy.js'
import { BREACH, type Fidelity } from './fidelity.js'

/**
 * A breach: stops serve other answers than were probed, and so lose more EM than the bound although the evidence certifies their threshold.
 * The cause is in the workers, and full runs do not show it.
 */

export function isBreached ({ detector }: Fidelity): boolean { return BREACH.isAlarmed(detector) }

/**
 * The time after a breach in which no certified threshold is in force, by the log's clock, ms. Control generations cannot show
 * whether workers still answer from another prefix than was probed: without a hold, the threshold would be certified and breached again and
 * again.
 */
export interface BreachHold {
  /** Breaches in a row: each came within one evidence age of the end of the hold before it. */
  readonly breaches: number
  readonly until: number
  /** Set by the learner: replicas do not compare the log's clock with their own. */
  readonly is_over: boolean
}

const SHORTEST_HOLD_MS = 1_800_000
const LONGEST_HOLD_MS = 86_400_000

/** The hold that a breach starts: one follow-up, within limits, twice as long for each in a row. @param last `null`: none */
export function holdAfterBreach (
  last: BreachHold | null, time: number, policy: Pick<Policy, 'follow_up_seconds' | 'max_evidence_age_seconds'>
): BreachHold {
  const isInRow = last !== null && time < last.until + 1000 * policy.max_evidence_age_seconds
  const breaches = isInRow ? last.breaches + 1 : 1
  const first = Math.max(SHORTEST_HOLD_MS, 1000 * policy.follow_up_seconds)
  return { breaches, until: time + Math.min(LONGEST_HOLD_MS, first * 2 ** (breaches - 1)), is_over: false }
}

/** The hold that ends later. */
export function laterHold (a: BreachHold | null, b: BreachHold | null): BreachHold | null {
  return a === null || (b !== null && b.until > a.until) ? b : a
}

/** When a hold ends, ms; `null`: there is none, or it is over. */
export function heldUntil (hold: BreachHold | null): number | null {
  return hold === null || hold.is_over ? null : hold.until
}
