import { certifiedByAny, isSplitAt } from '../certificate/certified-index.js'
import { logEvidence } from '../certificate/certificate.js'
import { compareSums, isBreached } from '../certificate/compare-arms.js'
import { hasDrifted, watchEvidence } from '../certificate/drift.js'
import { thresholdsOf, type Evidence } from '../certificate/evidence.js'
import { fillHalves } from '../certificate/merge-evidence.js'
import { prefixDifferences, sumOfOpen, type OpenEvidence } from '../certificate/open-evidence.js'
import type { Cohort } from '../enrolment/cohort.js'
import type { CohortRules, CohortScorer } from '../enrolment/account-for.js'
import { RAW, watchedOf } from '../enrolment/slice.js'
import { barsOf } from '../judgement/candidate-scorer.js'
import type { ContextState } from '../judgement/context-state.js'
import { addCounts, type FollowUp } from '../judgement/follow-up-counts.js'
import { copyState } from '../judgement/copy-state.js'
import { servingNumber } from '../judgement/sync-trials.js'
import { haveSameBar } from '../policy/certification-terms.js'
import type { Policy } from '../policy/policy.js'
import type { Pending } from '../recording/pending.js'
import { cohortRules } from './cohort-rules.js'
import { armOf, forceOf, policyOf, startEpoch, write, type EpochStart, type Fold } from './fold.js'
import { applyMembers } from './learn-member.js'
import { moveShare } from './move-share.js'

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
  for (const id of cohort.advance(clock, rules)) fold.pending.remove(id)
  applyMembers(fold, pool, cohort, time)
  const unlisted = cohort.dropEarly(clock)
  const unenrolled = unlisted.filter(({ generation_id: id }) => isUnenrolled(fold.pending.get(id), state, cohort, clock)).length
  for (const { generation_id: id } of unlisted) fold.pending.remove(id)
  const final = cohort.takeFinal()
  const compared = cohort.takeCompared()
  const isLookDue = final.length > 0 || cohort.isLookDue(clock, look)
  let next = unenrolled === 0 ? state : withCounts(state, { unenrolled })
  for (const slice of final) next = takeSlice(next, slice, policy, rules, time)
  if (hasDrifted(next.drift)) return endEpoch(fold, key, next, { cause: 'drift', policy, time })
  if (compared.length > 0 && policy.mode !== 'off') {
    const sums = compared.filter(({ number }) => number >= next.arms_from).map(({ arms }) => arms)
    next = copyState(next, { arms: sums.reduce(compareSums, next.arms) })
    if (mustStop(fold, key, next, policy, time)) return endEpoch(fold, key, next, { cause: 'breach', policy, time })
  }
  if (isLookDue) {
    cohort.noteLook(clock)
    next = lookAt(fold, next, (scorer) => cohort.openEvidence(scorer, rules), rules, policy)
  }
  if (next === state) return state
  const written = write(fold, key, next, { policy, time, cause: 'evidence', mayMove: isLookDue })
  return isLookDue || compared.length > 0 ? moveShare(fold, key, written, time) : written
}

/** Whether a control generation should have been enrolled and was not. Those that a burst left out do not count. */
function isUnenrolled (pending: Pending | undefined, { control_share: share }: ContextState, cohort: Cohort, clock: number): boolean {
  return pending !== undefined && armOf(pending.outcome, share) === 'control' && !cohort.isLeftOut(pending.outcome.hash, clock)
}

/** Starts an epoch because the certificate no longer holds. @returns the state of the new epoch, as stored */
export function endEpoch (fold: Fold, key: string, state: ContextState, start: EpochStart & { readonly cause: 'drift' | 'breach' }): ContextState {
  const written = write(fold, key, startEpoch(fold, key, state, start), { ...start, mayMove: true })
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
export function lookAt (
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

/** Whether control against treated shows that real stops lose more than is tolerated; under a pin that is only a warning. */
function mustStop (fold: Fold, key: string, state: ContextState, policy: Policy, time: number): boolean {
  if (state.threshold_index === -1 || forceOf(fold, key, time).isPinned) return false
  return isBreached(state.arms, policy.error_level, policy.max_em_drop)
}
