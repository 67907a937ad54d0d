import { compareSlice } from '../certificate/arms.js'
import { logEvidence } from '../certificate/certificate.js'
import { certifiedByAny, isSplitAt } from '../certificate/certified-threshold.js'
import { hasDrifted, watchEvidence } from '../certificate/drift.js'
import { fillHalves, type OpenEvidence, prefixDifferences, sumOfOpen } from '../certificate/evidence-sum.js'
import { type Evidence, NO_EVIDENCE, thresholdsOf } from '../certificate/evidence.js'
import { afterBreach } from '../certificate/fidelity.js'
import { barsOf } from '../contexts/candidate-scorer.js'
import { type ContextState, copyState, predictorOf } from '../contexts/context-state.js'
import { mayCertify, withoutNewCertificates } from '../contexts/evidence-checks.js'
import { addCounts, type FollowUp } from '../contexts/follow-up-counts.js'
import { isGraderRepaired } from '../contexts/grader.js'
import { addToMembership, hasLeft, leftEpochOf, type MemberUnit } from '../contexts/membership.js'
import { servingNumber } from '../contexts/trials.js'
import type { CohortRules, CohortScorer } from '../enrolment/accounting.js'
import type { Cohort } from '../enrolment/cohort.js'
import { evidenceUnitOfEnrolled, withoutMissing } from '../enrolment/enrolled-unit.js'
import { RAW, watchedOf } from '../enrolment/slice.js'
import { haveSameBar, type Policy } from '../policy/policy.js'
import type { PendingOutcome } from '../step-records/pending-outcomes.js'
import { addSettled, mustTakeBack } from './apply-fidelity.js'
import { moveShare } from './control-share.js'
import { armOf, type EpochStart, type Fold, thresholdInForce, policyOf, startEpoch, writeState } from './fold.js'
import { countUnenrolled } from './left-out.js'
import { moveInForce } from './threshold-change.js'
import { isTrainedOn, unitsOfOutcome } from './units-of-outcome.js'

/** A holder of evidence: the state of a context, or a trial in it. */
type Gathering = Pick<ContextState, 'halves' | 'open' | 'certified'>

/**
 * Brings a context up to the time of the log: ends slices, gives up members whose follow-up is over, and takes in slices that have become
 * final. Takes the evidence of every prefix once a second, or when a slice has become final (see docs/concepts/certificate.md).
 * @param state of the context, as stored
 * @returns the state stored last, which may be that of a new epoch
 */
export function followUp (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  const cohort = fold.cohorts.get(key)
  if (cohort === undefined || cohort.epoch !== state.epoch_name) return state
  const policy = policyOf(fold.ledger, key)
  const pool = { state, policy }
  const clock = fold.cohorts.clock
  const { look } = fold.times
  if (!cohort.hasNews(clock, { followUp: policy.follow_up_seconds * 1000, look })) {
    applyMembers(fold, pool, cohort, time)
    return state
  }
  const rules = cohortRules(fold, state, policy)
  for (const id of cohort.advance(clock, rules)) if (!cohort.isKept(id)) fold.pending.remove(id)
  applyMembers(fold, pool, cohort, time)
  const unlisted = cohort.dropEarly(clock)
  const unenrolled = unlisted.flatMap(({ generation_id: id }) => {
    const pending = fold.pending.get(id)
    return pending !== undefined && isUnenrolled(pending, state, cohort, clock) ? [pending.outcome] : []
  })
  for (const { generation_id: id } of unlisted) if (!cohort.isKept(id)) fold.pending.remove(id)
  const stops = cohort.takeStops(clock)
  for (const id of stops.unlabelled) fold.pending.remove(id)
  const final = cohort.takeFinal()
  const compared = cohort.takeCompared()
  const isLookDue = final.length > 0 || cohort.isLookDue(clock, look)
  let next = unenrolled.length === 0 ? state : withCounts(state, countUnenrolled(unenrolled, cohort, clock))
  for (const slice of final) next = takeSlice(next, slice, policy, rules, time)
  if (hasDrifted(next.drift)) return endEpoch(fold, key, next, { cause: 'drift', policy, time })
  if (stops.settled.length > 0) next = copyState(next, { fidelity: addSettled(next.fidelity, stops.settled, policy) })
  if (compared.length > 0 && policy.mode !== 'off') {
    const sums = compared.filter(({ number }) => number >= next.arms_from).map(({ arms }) => arms)
    next = copyState(next, { arms: sums.reduce((arms, slice) => compareSlice(arms, slice, policy.max_em_drop), next.arms) })
  }
  if (mustTakeBack(fold, key, next, time)) return endEpoch(fold, key, next, { cause: 'breach', policy, time })
  if (isGraderRepaired(next.grader)) return endEpoch(fold, key, next, { cause: 'grader', policy, time })
  if (isLookDue) {
    cohort.noteLook(clock)
    const looked = takeEvidence(fold, next, (scorer) => cohort.openEvidence(scorer, rules), rules, policy)
    next = mayCertify(next, policy, cohort.countEarly(next.control_share)) ? looked : withoutNewCertificates(next, looked, policy)
  }
  if (next === state) return state
  const written = writeState(fold, key, next, { policy, time, cause: 'evidence', mayMove: isLookDue })
  return isLookDue || compared.length > 0 ? moveShare(fold, key, written, time) : written
}

/** Whether a control generation should have been enrolled and was not. Those that a burst left out do not count. */
function isUnenrolled (
  { outcome }: PendingOutcome, { control_share: share }: ContextState, cohort: Cohort, clock: number
): boolean {
  return armOf(outcome, share) === 'control' && !cohort.isLeftOut(outcome.hash, clock)
}

/** Starts an epoch because the certificate no longer holds. @returns the state of the new epoch, as stored */
export function endEpoch (fold: Fold, key: string, state: ContextState, start: EpochStart & { readonly cause: 'drift' | 'breach' | 'grader' }): ContextState {
  const opened = startEpoch(fold, key, state, start)
  const next = start.cause === 'breach' ? copyState(opened, { fidelity: afterBreach(state.fidelity) }) : opened
  const written = writeState(fold, key, next, { ...start, mayMove: true })
  return moveShare(fold, key, written, start.time)
}

/** Adds to the counts. */
export function withCounts (state: ContextState, more: Partial<FollowUp>): ContextState {
  return copyState(state, { follow_up: addCounts(state.follow_up, more) })
}

/** A final slice joins the sum. */
function takeSlice (state: ContextState, slice: ReturnType<Cohort['takeFinal']>[number], policy: Policy, { scorers }: CohortRules, time: number): ContextState {
  const add = <G extends Gathering>(gathering: G, scorer: number): G => withEvidence(gathering, slice.evidence.get(scorer), policy)
  const serving = servingNumber(state)
  const evidence = serving === undefined || state.threshold_index === -1 ? undefined : watchedOf(slice, serving)
  const raw = add({ halves: state.halves, open: state.open, certified: state.certified }, RAW)
  return copyState(withCounts(state, slice.counts), {
    halves: raw.halves,
    certified: raw.certified,
    trials: state.trials.map((trial) => scorers.some(({ scorer }) => scorer === trial.ordinal) ? add(trial, trial.ordinal) : trial),
    drift: evidence === undefined ? state.drift : watchEvidence(state.drift, evidence, state.threshold_index, policy.max_em_drop),
    last_evidence_at: slice.enrolled > 0 ? time : state.last_evidence_at,
  })
}

/** More evidence in the half-windows; where they turn, nothing is certified until the next look. */
export function withEvidence<G extends Gathering> (gathering: G, evidence: Evidence | undefined, { evidence_window: window }: Pick<Policy, 'evidence_window'>): G {
  if (evidence === undefined || evidence.generations === 0) return gathering
  const halves = fillHalves(gathering.halves, evidence, window)
  return { ...gathering, halves, certified: halves[0].generations === 0 ? -1 : gathering.certified }
}

/** Takes the evidence of every prefix, for every scorer. @param openOf what the open slices add for a scorer */
export function takeEvidence (
  fold: Fold, state: ContextState, openOf: (scorer: CohortScorer) => OpenEvidence[], { scorers }: Pick<CohortRules, 'scorers'>, policy: Policy
): ContextState {
  const isSameBar = haveSameBar(state.judged_by, policy)
  let best: number | null = null
  const look = <G extends Gathering>(gathering: G, scorer: number, bar: number, isServing: boolean): G => {
    const gathers = scorers.find((one) => one.scorer === scorer)
    const open = gathers === undefined ? [] : openOf(gathers)
    const { halves } = gathering
    const thresholds = thresholdsOf(halves[0])
    const prefixesAt = (k: number) => prefixDifferences(halves, open, k, state.follow_up)
    const parts = [...halves, ...open.map(({ evidence }) => evidence)]
    const isSplit = (k: number) => isSplitAt(parts, k)
    const from = isSameBar ? gathering.certified : -1
    const certified = certifiedByAny(prefixesAt, isSplit, thresholds, policy.max_em_drop, bar, from)
    if (isServing) best = Math.max(...prefixesAt(state.threshold_index).map((prefix) => logEvidence(policy.max_em_drop, prefix)))
    return { ...gathering, open: sumOfOpen(open, thresholds), certified }
  }
  const isServing = (scorer: string | null) => state.threshold_index !== -1 && state.serving === scorer
  const bars = barsOf(state, policy, fold.predictors)
  const raw = look({ halves: state.halves, open: state.open, certified: state.certified }, RAW, bars.get(null)!, isServing(null))
  const trials = state.trials.map((trial) => {
    const bar = bars.get(trial.predictor)
    return bar === undefined ? trial : look(trial, trial.ordinal, bar, isServing(trial.predictor))
  })
  const now = best as number | null
  const log_evidence = now === null ? state.log_evidence : { best: Math.max(now, state.log_evidence?.best ?? now), now }
  return copyState(state, { open: raw.open, certified: raw.certified, trials, log_evidence })
}

const RAW_SCORER: CohortScorer = { scorer: RAW, thresholds: thresholdsOf(NO_EVIDENCE), since: 0 }

/** The rules by which a context's cohort is followed up. */
export function cohortRules (fold: Fold, state: ContextState, policy: Policy): CohortRules {
  const trials = policy.predictor === 'off' ? [] : state.trials
  return {
    followUp: policy.follow_up_seconds * 1000,
    missingOutcomes: policy.missing_outcomes,
    missingLabels: policy.missing_labels,
    wait: fold.times.wait,
    scorers: [RAW_SCORER, ...trials.flatMap((trial): CohortScorer[] => {
      const predictor = predictorOf(trial, fold.predictors)
      if (predictor === undefined) return []
      return [{
        scorer: trial.ordinal, thresholds: predictor.grid.length, since: trial.since, isSetAside: (u) => isTrainedOn(predictor, u),
      }]
    })],
    worstUnits (id) {
      const pending = fold.pending.get(id)
      if (pending === undefined || pending.outcome.steps === null) return new Map()
      return unitsOfOutcome(pending.outcome, pending.leaf, policy, state, fold.predictors).units
    },
  }
}

/** The pool that members are accounted for in. */
interface Pool {
  readonly state: ContextState
  readonly policy: Policy
}

/** A control unit of one context of a pool. Where outcomes count on arrival, each is final at once: `slice` is less than `firstOpen`. */
type UnitOfMember = Pick<MemberUnit, 'unit' | 'slice' | 'firstOpen' | 'scorer'> & { readonly leaf: string }

/** Lets the contexts of a pool learn from their own control units that were accounted for. Missing samples are left out. */
function applyMembers (fold: Fold, pool: Pool, cohort: Cohort, time: number): void {
  const accounted = cohort.takeAccounted()
  if (accounted.length === 0) return
  const number = servingNumber(pool.state)
  const serving = cohortRules(fold, pool.state, pool.policy).scorers.find(({ scorer }) => scorer === number)
  if (serving === undefined) return
  const { firstOpen } = cohort
  const shown = accounted.flatMap((member): UnitOfMember[] => {
    const { leaf, slice: { number: slice }, u } = member
    if (slice < serving.since || serving.isSetAside?.(u) === true) return []
    const unit = evidenceUnitOfEnrolled(withoutMissing(member), serving.scorer, serving.thresholds)
    return unit === null ? [] : [{ leaf: leaf!, unit, slice, firstOpen, scorer: serving.scorer }]
  })
  const last = new Map(shown.map((one) => [one.leaf, one]))
  for (const one of shown) applyMember(fold, pool, last.get(one.leaf) === one ? one : { ...one, firstOpen: NONE_FINAL }, time)
}

/** Of several units at once the last lets the detector watch: a slice must be watched as a whole, not in the order of its units. */
const NONE_FINAL = 0

/** Adds a unit to what a member has shown. If its own detector alarms, it leaves the pool. */
export function applyMember (fold: Fold, pool: Pool, { leaf, ...shown }: UnitOfMember, time: number): void {
  const state = fold.get(leaf)
  if (state === undefined) return // there is no room for more contexts
  const { epoch_name: epoch, threshold_index: place } = pool.state
  const { max_em_drop } = pool.policy
  const membership = addToMembership(state.membership, { ...shown, epoch, place, max_em_drop, time })
  const next = copyState(state, { membership })
  if (membership.left_at === null || hasLeft(leftEpochOf(state), epoch)) return fold.set(leaf, next)
  const before = thresholdInForce(fold, leaf, time)
  fold.set(leaf, next)
  fold.changes.push({ time, key: leaf, cause: 'left_pool', epoch: state.epoch, ...moveInForce(before, thresholdInForce(fold, leaf, time)) })
}
