import { EIGHTHS } from '../certificate/certificate.js'
import { compareSums } from '../certificate/compare-arms.js'
import { hasDrifted, watchEvidence } from '../certificate/drift.js'
import { noEvidence, thresholdsOf } from '../certificate/evidence.js'
import { addUnit } from '../certificate/merge-evidence.js'
import type { Unit } from '../certificate/unit.js'
import { drawArm, type Arm } from '../assignment/arm.js'
import { addCompared, NO_ARM_SUMS } from '../certificate/arm-sums.js'
import { RAW } from '../enrolment/slice.js'
import type { ContextState } from '../judgement/context-state.js'
import { copyState } from '../judgement/copy-state.js'
import { countForToken } from '../judgement/evidence-by-token.js'
import { servingNumber } from '../judgement/sync-trials.js'
import type { Policy } from '../policy/policy.js'
import type { Pending } from '../recording/pending.js'
import { cohortRules } from './cohort-rules.js'
import { policyOf, startEpoch, write, type Fold } from './fold.js'
import { lookAt, withCounts, withEvidence } from './follow-up.js'
import { applyMember } from './learn-member.js'
import { moveShare } from './move-share.js'
import { unitsOfOutcome } from './units-of-outcome.js'
import { applySample } from './learn-sample.js'
import { applyTrace } from './learn-trace.js'

/**
 * Takes an outcome as evidence when it arrives (`follow_up_seconds: 0`). This is right only if the order of arrival is independent of the
 * outcomes, as in a replay of shuffled records. Each sample of a group counts on its own, and an outcome without a label never gets one.
 */
export function applyOnArrival (fold: Fold, time: number, pending: Pending, arm: Arm | null): void {
  const { key, leaf, outcome } = pending
  const state = compare(fold.get(key)!, pending, arm, policyOf(fold.ledger, key))
  const policy = policyOf(fold.ledger, key)
  if (arm !== 'control') return finish(fold, key, state, time, false)
  let fed = copyState(state, { fed_by: countForToken(state.fed_by, outcome.by) })
  if (outcome.cancelled === true) return finish(fold, key, withCounts(fed, { cancelled: 1 }), time, false)
  const isPresent = outcome.steps !== null && outcome.steps_complete
  const { units, em, isLabelWanted } = unitsOfOutcome(outcome, leaf, policy, state, fold.predictors)
  if (isPresent) fed = withCounts(fed, isLabelWanted ? { reported: 1, labels_wanted: 1 } : { reported: 1 })
  if (isPresent && em !== null) applySample(fold, outcome, leaf, policy)
  const isUnlabelled = em === null && policy.missing_labels === 'excluded'
  if ((!isPresent && policy.missing_outcomes === 'excluded') || isUnlabelled) {
    return finish(fold, key, withCounts(fed, { enrolled: 1, excluded: 1 }), time, false)
  }
  if (isPresent) applyTrace(fold, outcome, key, state, policy)
  const counted = withCounts(fed, { enrolled: 1, ...(isPresent && !isLabelWanted ? { accounted: 1 } : { missing: 1 }) })
  const lost = (unit: Unit): Unit => isPresent ? unit : { ...unit, eighths: unit.eighths.map(() => EIGHTHS) }
  const evidenceOf = (unit: Unit | undefined) => unit && addUnit(noEvidence(unit.eighths.length), lost(unit))
  const watched = servingNumber(state)
  const shown = isPresent && watched !== undefined ? units.get(watched) : undefined
  if (shown !== undefined && leaf !== key) {
    applyMember(fold, { state, policy }, { leaf, unit: shown, slice: 0, firstOpen: Infinity, scorer: watched! }, time)
  }
  const seen = state.threshold_index === -1 ? undefined : evidenceOf(shown)
  const drift = seen === undefined ? state.drift : watchEvidence(state.drift, seen, state.threshold_index, policy.max_em_drop)
  if (hasDrifted(drift)) {
    write(fold, key, startEpoch(fold, key, 'drift', policy, time), { policy, time, cause: 'drift', mayMove: true })
    return moveShare(fold, key, time)
  }
  const taken = copyState(counted, {
    ...withEvidence({ halves: counted.halves, open: counted.open, certified: counted.certified }, evidenceOf(units.get(RAW)), policy),
    trials: counted.trials.map((trial) => {
      const unit = units.get(trial.ordinal)
      if (unit === undefined) return { ...trial, trained_on: trial.trained_on + 1 }
      return unit.eighths.length === thresholdsOf(trial.halves[0]) ? withEvidence(trial, evidenceOf(unit), policy) : trial
    }),
    drift,
    last_evidence_at: time,
  })
  finish(fold, key, taken, time, true)
}

function finish (fold: Fold, key: string, state: ContextState, time: number, mayMove: boolean): void {
  const policy = policyOf(fold.ledger, key)
  const next = mayMove ? lookAt(fold, state, () => [], cohortRules(fold, state, policy), policy) : state
  write(fold, key, next, { policy, time, cause: 'evidence', mayMove })
  moveShare(fold, key, time)
}

/** Compares control with treated generations where a threshold is in force, if the reported arm agrees with the draw. */
function compare (state: ContextState, { outcome }: Pending, arm: Arm | null, policy: Policy): ContextState {
  const { control_share: share } = state
  if (arm === null || state.threshold_index === -1 || policy.mode === 'off' || outcome.u >= 2 * share) return state
  if (arm !== drawArm(outcome.u, share)) return state // it began under another share
  const em = outcome.full[policy.label] ?? null
  return copyState(state, { arms: compareSums(state.arms, addCompared(NO_ARM_SUMS, { arm, share, em, tokens: outcome.tokens })) })
}
