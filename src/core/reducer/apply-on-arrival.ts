import type { Arm } from '../assignment/arm.js'
import { EIGHTHS } from '../certificate/certificate.js'
import { addDifferencesOf, type DifferenceSums, differenceSumFrom, noDifferences } from '../certificate/difference-sums.js'
import { hasDrifted, watchEvidence } from '../certificate/drift.js'
import { testedBound } from '../certificate/judge-errors.js'
import { addUnit } from '../certificate/evidence-sum.js'
import { noEvidence, thresholdsOf, type EvidenceUnit } from '../certificate/evidence.js'
import { type ContextState } from '../contexts/context-state.js'
import { countForName } from '../contexts/counts-by-name.js'
import { isRecovered, isRepaired, mayCertify } from '../contexts/evidence-checks.js'
import { addFinalAnswer, addGrades } from '../contexts/grader.js'
import { servingNumber } from '../contexts/trials.js'
import { ASIDE, RAW } from '../enrolment/slice.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { mustTakeBack } from './apply-fidelity.js'
import { moveShare } from './control-share.js'
import { countSavingsOfControl } from './count-savings.js'
import { type Fold, policyOf, writeState } from './fold.js'
import { addToCounts, answerCounts, applyMember, endEpoch } from './follow-up.js'
import { type Gathering, gatheringOf, newestWith, takeEvidence, withEvidence } from './take-evidence.js'
import { applySample, applyTrace, unitsOfOutcome } from './units-of-outcome.js'

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
    const serving = servingNumber(own)
    const unit = isPresent ? unitsOfOutcome(outcome, leaf, policy, own, fold.predictors).units.get(serving ?? -1) : undefined
    const member = { leaf, slice: ASIDE, firstOpen: Infinity, scorer: serving! }
    if (unit !== undefined) applyMember(fold, { state: own, policy }, { ...member, unit }, time)
    return finish(own)
  }
  if (outcome.u < share) countSavingsOfControl(fold, pending, { share }, own, time)
  own.fed_by = countForName(own.fed_by, outcome.by)
  if (outcome.cancelled === true) {
    addToCounts(own, { cancelled: 1 })
    return finish(own)
  }
  if (isPresent) own.grader = addGrades(addFinalAnswer(own.grader, outcome), outcome)
  const { units, em, isLabelWanted } = unitsOfOutcome(outcome, leaf, policy, own, fold.predictors)
  const reported = !isPresent ? { steps_missing: 1 } : { reported: 1, ...(isLabelWanted && { labels_wanted: 1 }), ...answerCounts(outcome) }
  if (isPresent && em !== null) applySample(fold, outcome, leaf, policy)
  if (isPresent) applyTrace(fold, outcome, key, own, policy)
  addToCounts(own, { ...reported, enrolled: 1, ...(isPresent && !isLabelWanted ? { accounted: 1 } : { missing: 1 }) })
  const lost = (unit: EvidenceUnit): EvidenceUnit => isPresent ? unit : { ...unit, eighths: unit.eighths.map(() => EIGHTHS) }
  const evidenceOf = (unit: EvidenceUnit | undefined) => unit && addUnit(noEvidence(unit.eighths.length), lost(unit))
  const add = <G extends Gathering>(gathering: G, unit: EvidenceUnit | undefined): G =>
    withEvidence(gathering, { shown: evidenceOf(unit), tested: testedOf(unit && lost(unit)) })
  const watched = servingNumber(own)
  const shown = isPresent && watched !== undefined ? units.get(watched) : undefined
  if (shown !== undefined && leaf !== key) {
    applyMember(fold, { state: own, policy }, { leaf, unit: shown, slice: 0, firstOpen: Infinity, scorer: watched! }, time)
  }
  const seen = own.threshold_index === -1 ? undefined : evidenceOf(shown)
  const drift = seen === undefined ? own.drift : watchEvidence(own.drift, seen, own.threshold_index, testedBound(policy))
  if (hasDrifted(drift)) {
    endEpoch(fold, key, own, { cause: 'drift', policy, time })
    return
  }
  own.newest = newestWith(own, testedOf(units.get(RAW) && lost(units.get(RAW)!)), policy)
  Object.assign(own, add(gatheringOf(own), units.get(RAW)))
  own.trials = own.trials.map((trial) => {
    const unit = units.get(trial.ordinal)
    if (unit === undefined) return { ...trial, trained_on: trial.trained_on + 1 }
    return unit.eighths.length === thresholdsOf(trial.evidence) ? add(trial, unit) : trial
  })
  own.drift_final = own.drift = drift
  own.last_evidence_at = time
  finish(takeEvidence(fold, own, () => [], NO_COHORT, policy), true)
}

/** There are no open slices. */
const NO_COHORT = { scorers: [] }

/** The differences of a unit. */
function testedOf (unit: EvidenceUnit | undefined): DifferenceSums | undefined {
  if (unit === undefined) return undefined
  const sum = differenceSumFrom(noDifferences(unit.eighths.length))
  addDifferencesOf(sum, unit.eighths)
  return sum
}
