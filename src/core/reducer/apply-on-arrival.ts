import type { Arm } from '../assignment/arm.js'
import { EIGHTHS } from '../certificate/certificate.js'
import { addDifferencesOf, type DifferenceSums, differenceSumFrom, noDifferences } from '../certificate/difference-sums.js'
import { hasDrifted, watchEvidence } from '../certificate/drift.js'
import { testedBound } from '../certificate/judge-errors.js'
import { addUnit } from '../certificate/evidence-sum.js'
import { noEvidence, type EvidenceUnit } from '../certificate/evidence.js'
import { type ContextState } from '../contexts/context-state.js'
import { countForName } from '../contexts/counts-by-name.js'
import { isRecovered, isRepaired, mayCertify } from '../contexts/evidence-checks.js'
import { addFinalAnswer, addGrades } from '../contexts/grader.js'
import { ASIDE } from '../enrolment/slice.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { mustTakeBack } from './apply-fidelity.js'
import { moveShare } from './control-share.js'
import { countSavingsOfControl } from './count-savings.js'
import { type Fold, policyOf, writeState } from './fold.js'
import { addToCounts, answerCounts, applyMember, endEpoch } from './follow-up.js'
import { newestWith, takeEvidence, withEvidence } from './take-evidence.js'
import { applySample, applyTrace, unitOfOutcome } from './units-of-outcome.js'

/** Control generations after which the budget of probes is computed again. */
const BUDGET_EVERY = 25

/**
 * Takes an outcome as evidence when it arrives (`follow_up_seconds: 0`). This is right only if the order of arrival is independent of the
 * outcomes, as in a replay of shuffled records. Each sample of a group counts on its own, and an outcome without a label never gets one.
 */
export function applyOnArrival (fold: Fold, time: number, pending: PendingOutcome, arm: Arm | null): void {
  const { key, leaf, outcome } = pending
  const policy = policyOf(fold.ledger, key)
  const own = fold.own(key)!
  const { threshold: before, control_share: share } = own
  const finish = (next: ContextState, mayMove = false) => {
    if (mustTakeBack(fold, key, next, time)) endEpoch(fold, key, next, { cause: 'breach', policy, time })
    else if (isRepaired(next, policy)) endEpoch(fold, key, next, { cause: 'repair', policy, time })
    else if (mayMove && mayCertify(next, policy) && isRecovered(next, policy)) endEpoch(fold, key, next, { cause: 'recovered', policy, time })
    else {
      const written = writeState(fold, key, next, { policy, time, cause: 'evidence', mayMove })
      const isBudgetDue = written.threshold !== before || (mayMove && written.follow_up.reported % BUDGET_EVERY === 0)
      moveShare(fold, key, written, time, isBudgetDue)
    }
  }
  if (arm !== 'control') return finish(own)
  const isPresent = outcome.cancelled !== true && outcome.steps !== null && outcome.steps_complete
  if (leaf !== key && outcome.u >= share) { // a new member of a pool runs in full
    const unit = isPresent ? unitOfOutcome(outcome, leaf, policy, own, fold.predictors).unit : null
    const member = { leaf, slice: ASIDE, firstOpen: Infinity }
    if (unit !== null) applyMember(fold, { state: own, policy }, { ...member, unit }, time)
    return finish(own)
  }
  if (outcome.u < share) countSavingsOfControl(fold, pending, { share }, own, time)
  own.fed_by = countForName(own.fed_by, outcome.by)
  if (outcome.cancelled === true) {
    addToCounts(own, { cancelled: 1 })
    return finish(own)
  }
  if (isPresent) own.grader = addGrades(addFinalAnswer(own.grader, outcome), outcome)
  const { unit, em, isLabelWanted } = unitOfOutcome(outcome, leaf, policy, own, fold.predictors)
  const reported = !isPresent ? { steps_missing: 1 } : { reported: 1, ...(isLabelWanted && { labels_wanted: 1 }), ...answerCounts(outcome) }
  if (isPresent && em !== null) applySample(fold, outcome, leaf, policy)
  if (isPresent) applyTrace(fold, outcome, key, own, policy)
  addToCounts(own, { ...reported, enrolled: 1, ...(isPresent && !isLabelWanted ? { accounted: 1 } : { missing: 1 }) })
  if (isPresent && unit !== null && leaf !== key) {
    applyMember(fold, { state: own, policy }, { leaf, unit, slice: 0, firstOpen: Infinity }, time)
  }
  const counted = unit === null || isPresent ? unit : { ...unit, eighths: unit.eighths.map(() => EIGHTHS) }
  const shown = counted === null ? null : addUnit(noEvidence(counted.eighths.length), counted)
  const isWatched = isPresent && shown !== null && own.threshold_index !== -1
  const drift = isWatched ? watchEvidence(own.drift, shown, own.threshold_index, testedBound(policy)) : own.drift
  if (hasDrifted(drift)) {
    endEpoch(fold, key, own, { cause: 'drift', policy, time })
    return
  }
  const tested = testedOf(counted)
  own.newest = newestWith(own, tested, policy)
  Object.assign(own, withEvidence(own, { shown, tested }))
  own.drift_final = own.drift = drift
  own.last_evidence_at = time
  finish(takeEvidence(own, [], policy), true)
}

/** The differences of a unit. */
function testedOf (unit: EvidenceUnit | null): DifferenceSums | null {
  if (unit === null) return null
  const sum = differenceSumFrom(noDifferences(unit.eighths.length))
  addDifferencesOf(sum, unit.eighths)
  return sum
}
