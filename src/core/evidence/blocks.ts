import { type Part, recentParts } from './follow-up-counts.js'
import type { Reports } from './reports.js'
import type { Policy } from '../policy/policy.js'
import { graderFault, isGraderClear, isGraderSuspicious } from './grader.js'

/** Below this number a share says little. */
export const FEW = 4

/** Whether a part exceeds a share of all. */
export function exceeds ([part, all]: Part, share: number): boolean { return part >= FEW && part > share * all }

/** The parts of the newest units that block certificates if they are large: units that are left out may be the hard ones. */
function blockingParts (recent: Reports['recent']): readonly Part[] {
  const { left_out: leftOut, steps_missing: stepless, unmarked } = recentParts(recent)
  return [leftOut, stepless, unmarked]
}

/** Whether reports are no evidence at present: too much is left out, lacks steps or is unmarked, or grades mean nothing. */
export function isBlocking ({ recent, grader }: Pick<Reports, 'recent' | 'grader'>, { max_em_drop: bound }: Pick<Policy, 'max_em_drop'>): boolean {
  return graderFault(grader) !== null || blockingParts(recent).some((part) => exceeds(part, 2 * bound))
}

/** Whether a block is over: no part is more than half of what begins one. */
function isClear ({ recent, grader }: Reports, { max_em_drop: bound }: Pick<Policy, 'max_em_drop'>): boolean {
  return isGraderClear(grader) && !blockingParts(recent).some((part) => exceeds(part, bound))
}

/**
 * Whether a further threshold may be certified. One that is in force stays: later reports say nothing about its evidence.
 * @param waiting control outcomes that nothing has enrolled yet, and perhaps never will. They are compared with the whole epoch: where
 *   generations end before their lists arrive, some always wait, and fast traffic would never be certified
 */
export function mayCertify (reports: Reports, policy: Pick<Policy, 'max_em_drop'>, waiting = 0): boolean {
  const { is_blocked: isBlocked, follow_up: { enrolled }, grader } = reports
  if (isBlocked || isBlocking(reports, policy) || isGraderSuspicious(grader)) return false
  return waiting <= 2 * policy.max_em_drop * (enrolled + waiting)
}

/**
 * Whether evidence has to begin again, since a block is over (rule E9). Under a threshold in force the epoch goes on, and so does the
 * block: its evidence would count for looser thresholds.
 * @param inForce index of the threshold in force, -1 for none
 */
export function isRepaired (reports: Reports, inForce: number, policy: Pick<Policy, 'max_em_drop'>): boolean {
  return reports.is_blocked && inForce === -1 && isClear(reports, policy)
}

/** Notes that a fault of reports blocks certificates. */
export function noteBlock (reports: Reports, policy: Pick<Policy, 'max_em_drop'>): Reports {
  return reports.is_blocked || !isBlocking(reports, policy) ? reports : { ...reports, is_blocked: true }
}
