import type { EnrolledUnit } from '../evidence/enrolled-unit.js'
import { chainOf } from '../policy/context.js'
import { EIGHTHS } from '../stats/certificate.js'
import type { EvidenceUnit } from '../stats/evidence.js'
import { lossScale } from '../stats/judge-errors.js'
import { countLoss, sumsOn } from '../stats/savings-sums.js'
import { type ContextState, withSlices } from './context-state.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { deepestOf, presentDay } from './savings-by-day.js'

/**
 * What a sample of a control member loses at the threshold in force. With a judge of audited errors it is an upper estimate.
 * @param state of the context that gathers the evidence
 */
export function lossOf ({ ledger }: Fold, key: string, { eighths }: EvidenceUnit, { rule: { index } }: ContextState): number {
  return eighths[index]! / EIGHTHS / lossScale(policyOf(ledger, key).judge_miss_rate)
}

/**
 * Counts what a sample lost whose label came late, if its savings were counted.
 * @param state of the context that gathers the evidence, as stored
 * @returns the state stored last
 */
export function takeLateLoss (
  fold: Fold, { leaf, key }: Pick<PendingOutcome, 'leaf' | 'key'>, member: EnrolledUnit, unit: EvidenceUnit | null, state: ContextState
): ContextState {
  const { share, saved: earlier } = member
  if (earlier === undefined || earlier.known >= earlier.samples || unit === null || state.rule.index === -1) return state
  const sample = { loss: lossOf(fold, key, unit, state), share, enrolled: policyOf(fold.ledger, key).label_rate }
  const counts = deepestOf(fold, chainOf(leaf))
  const own = fold.get(counts)!
  const today = countLoss(sumsOn(presentDay(fold), own.savings.today), sample, earlier)
  fold.set(counts, withSlices(own, { savings: { ...own.savings, today } }))
  member.saved = { ...earlier, known: earlier.known + 1 }
  return fold.get(key)!
}
