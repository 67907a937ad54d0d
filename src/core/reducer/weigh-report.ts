import type { Arm } from '../assignment/arm.js'
import type { ContextState } from '../contexts/context-state.js'
import type { EffectiveThreshold } from '../contexts/effective-threshold.js'
import { advanceReporting, isWeighed, reportWeight, weightAtPresent } from '../contexts/reporting.js'
import { addValue } from '../contexts/arms.js'
import { addCounted, type TreatedSums } from '../contexts/treated-estimates.js'
import type { EnrolledUnit } from '../enrolment/enrolled-unit.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import type { Policy } from '../policy/policy.js'
import type { PendingOutcome } from '../step-records/pending-outcomes.js'
import { type Fold, type OwnState, policyOf } from './fold.js'
import { moveOf } from './threshold-change.js'

/** How an outcome counts. */
export interface Weighing {
  /** The number of generations that it stands for; 0: it did not have to report, and those that had to stand for it. */
  readonly weight: number
  /** The unit that enrolled it; `undefined`: none is known. */
  readonly member: EnrolledUnit | undefined
}

/**
 * Weighs an outcome. While only enrolled treated generations report, each stands for the others. Its share is that of its draw; where its
 * entry is void, or has not come yet, or is of the epoch before, the present one, unless its draw shows a smaller one.
 * @param state of the context that gathers the evidence
 * @param force threshold in force for its leaf; `undefined`: it is not treated
 */
export function weighReport (
  fold: Fold, { outcome, key }: PendingOutcome, arm: Arm | null, state: ContextState | undefined,
  force: Pick<EffectiveThreshold, 'isEvidence'> | undefined, time: number
): Weighing {
  const policy = policyOf(fold.ledger, key)
  if (arm !== 'treated' || state === undefined || policy.follow_up_seconds === 0) return { weight: 1, member: undefined }
  const found = fold.cohorts.get(key)?.members.get(outcome.u)
  const member = found?.arm === 'treated' ? found : undefined
  if (force?.isEvidence !== true || !isWeighed(state.reporting, policy, time)) return { weight: 1, member }
  const { reporting, control_share: share } = state
  if (member === undefined) return { weight: weightAtPresent(reporting, outcome, share, policy.label_rate, time), member }
  return { weight: reportWeight(outcome, member.share, policy.label_rate), member }
}

/** Counts a generation of either arm in the rate, in place, and one of the treated arm in the error of their number. */
export function countReport (fold: Fold, key: string, state: OwnState, { weight, member }: Weighing, time: number): void {
  const isCounted = weight > 0 || state.reporting.mode === 'all' // otherwise a list counts it
  countGenerations(fold, key, state, isCounted ? 1 : 0, time)
  if (weight !== 1) state.treated_sums = addCounted(state.treated_sums, weight, member?.reported ?? 0)
}

/**
 * Counts generations in the rate, in place. Each counts once: those that report by their outcomes, and the others by the lists of the
 * replicas, since the weights of few reports would make the rate fluctuate.
 */
export function countGenerations (fold: Fold, key: string, state: OwnState, generations: number, time: number): void {
  const before = state.reporting
  state.reporting = advanceReporting(before, policyOf(fold.ledger, key), generations, time, state.control_share)
  if (state.reporting.mode === before.mode) return
  fold.changes.push({ time, key, cause: 'reports', epoch: state.epoch, ...moveOf(state, state), reason: `reports: ${state.reporting.mode}` })
}

/** Adds the length of an enrolled treated generation, and its grade if it is known. Call it before the member counts the sample. */
export function addTreatedSample (
  sums: TreatedSums, { u, share, hash, measured, tokens, graded, em }: EnrolledUnit, outcome: Pick<LoggedOutcome, 'tokens' | 'full'>,
  { label, label_rate: enrolled }: Pick<Policy, 'label' | 'label_rate'>
): TreatedSums {
  const weight = reportWeight({ u, hash }, share, enrolled)
  const measuredSums = { ...sums, tokens: addValue(sums.tokens, outcome.tokens, weight, { samples: measured, sum: tokens }) }
  const grade = outcome.full[label]
  return grade === undefined ? measuredSums : { ...measuredSums, em: addValue(sums.em, grade, weight, { samples: graded, sum: em }) }
}

/** Adds the late grade of such a generation. Call it before the member counts the grade. */
export function addTreatedGrade (
  sums: TreatedSums, { u, share, hash, graded, em }: EnrolledUnit, grade: number, { label_rate: enrolled }: Pick<Policy, 'label_rate'>
): TreatedSums {
  return { ...sums, em: addValue(sums.em, grade, reportWeight({ u, hash }, share, enrolled), { samples: graded, sum: em }) }
}
