import { copyState } from '../judgement/copy-state.js'
import { certifiedByAny } from '../certificate/certified-index.js'
import { compareSums, isBreached } from '../certificate/compare-arms.js'
import { hasDrifted, watchEvidence } from '../certificate/drift.js'
import { logEvidence } from '../certificate/certificate.js'
import { differencesAt, fillHalves, mergeEvidence, noEvidence, thresholdsOf, type Evidence } from '../certificate/evidence.js'
import { prefixesOf, type Cohort, type CohortRules, type OpenEvidence } from '../enrolment/cohort.js'
import { RAW, watchedOf, type Slice } from '../enrolment/slice.js'
import { candidateScorers, isFollowedUp, type CandidateScorer } from '../judgement/candidate-scorer.js'
import { mergeHalves, type ContextState, type FollowUp } from '../judgement/context-state.js'
import type { OpenSum } from '../judgement/open-sum.js'
import { haveSameBar } from '../policy/certification-terms.js'
import type { Policy } from '../policy/policy.js'
import type { Pending } from '../recording/pending.js'
import { cohortRules } from './cohort-rules.js'
import { armOf, forceOf, policyOf, startEpoch, timesOf, write, type Fold } from './fold.js'
import { moveShare } from './move-share.js'

/** What takes part in evidence: a state of its own, or a trial in it. */
type Gathering = Pick<ContextState, 'halves' | 'open' | 'certified'>

/**
 * Brings a context up to the time of the log: slices that end, members whose follow-up is over, slices that have become final, and, once a
 * second or when a slice has, the evidence of every prefix (see docs/concepts/certificate.md).
 */
export function followUp (fold: Fold, key: string, time: number): void {
  const state = fold.get(key)
  const cohort = fold.cohorts.get(key)
  if (state === undefined || cohort === undefined || cohort.epoch !== state.epoch_name) return
  const policy = policyOf(fold.ledger, key)
  const clock = fold.cohorts.clock
  const rules = cohortRules(fold, state, policy)
  for (const id of cohort.advance(clock, rules)) fold.pending.remove(id)
  const unenrolled = cohort.dropEarly(clock)
  const strangers = unenrolled.filter(({ generation_id: id }) => isControl(fold.pending.get(id), state)).length
  for (const { generation_id: id } of unenrolled) fold.pending.remove(id)
  const final = cohort.takeFinal()
  const compared = cohort.takeCompared()
  if (cohort.isDirty) fold.cohorts.touch(key)
  const isLookDue = final.length > 0 || (cohort.isChanged && clock >= cohort.lookedAt + timesOf(fold.ledger).look)
  let next = withCounts(state, { ...cohort.takeCounts(), unenrolled: strangers })
  for (const slice of final) next = takeSlice(next, slice, policy, rules, time)
  if (hasDrifted(next.drift)) return endEpoch(fold, key, 'drift', time)
  if (compared.length > 0 && policy.mode !== 'off') {
    const sums = compared.filter(({ number }) => number >= next.arms_from).map(({ arms }) => arms)
    next = copyState(next, { arms: sums.reduce(compareSums, next.arms) })
    if (mustStop(fold, key, next, policy, time)) return endEpoch(fold, key, 'breach', time)
  }
  if (isLookDue) {
    cohort.lookedAt = clock
    cohort.isChanged = false
    fold.cohorts.touch(key)
    next = lookAt(fold, next, cohort, rules, policy)
  }
  if (next === state) return
  write(fold, key, next, { policy, time, cause: 'evidence', mayMove: isLookDue })
  moveShare(fold, key, time)
}

function isControl (pending: Pending | undefined, { control_share: share }: ContextState): boolean {
  return pending !== undefined && armOf(pending.outcome, share) === 'control'
}

/** Starts an epoch because what was certified no longer holds. */
function endEpoch (fold: Fold, key: string, cause: 'drift' | 'breach', time: number): void {
  const policy = policyOf(fold.ledger, key)
  write(fold, key, startEpoch(fold, key, cause, policy, time), { policy, time, cause, mayMove: true })
  moveShare(fold, key, time)
}

/** The counts, of which `Cohort` has some. */
export function withCounts (state: ContextState, more: Partial<FollowUp>): ContextState {
  const moved = Object.entries(more).filter(([, count]) => count !== 0)
  if (moved.length === 0) return state
  const sums = Object.fromEntries(moved.map(([name, count]) => [name, state.follow_up[name as keyof FollowUp] + count]))
  return copyState(state, { follow_up: { ...state.follow_up, ...sums } })
}

/** A final slice joins the sum. */
function takeSlice (state: ContextState, slice: Slice, policy: Policy, { scorers }: CohortRules, time: number): ContextState {
  const add = <G extends Gathering>(gathering: G, scorer: number): G => withEvidence(gathering, slice.evidence.get(scorer), policy)
  const serving = state.serving === null ? RAW : state.trials.find(({ predictor }) => predictor === state.serving)?.ordinal
  const evidence = serving === undefined || state.threshold_index === -1 ? undefined : watchedOf(slice, serving)
  return copyState(withCounts(state, slice.counts), {
    ...add({ halves: state.halves, open: state.open, certified: state.certified }, RAW),
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

/** Takes the evidence of every prefix, for every scorer. */
export function lookAt (fold: Fold, state: ContextState, cohort: Cohort | undefined, rules: CohortRules, policy: Policy): ContextState {
  const openOf = (scorer: number): OpenEvidence[] => {
    const found = rules.scorers.find((one) => one.scorer === scorer)
    return found === undefined || cohort === undefined ? [] : cohort.openEvidence(found, rules)
  }
  const isSameBar = haveSameBar(state.judged_by, policy)
  let best: number | null = null
  const look = <G extends Gathering>(gathering: G, scorer: number, { bar }: Pick<CandidateScorer, 'bar'>, isServing: boolean): G => {
    const open = openOf(scorer)
    const prefixes = prefixesOf(mergeHalves(gathering.halves), open)
    const from = isSameBar ? gathering.certified : -1
    const certified = isFollowedUp(state, policy) ? certifiedByAny(prefixes, policy.max_em_drop, bar, from) : from
    const logOf = (prefix: Evidence) => logEvidence(policy.max_em_drop, differencesAt(prefix, state.threshold_index))
    if (isServing) best = Math.max(...prefixes.map(logOf))
    return { ...gathering, open: sumOf(open, thresholdsOf(gathering.halves[0])), certified }
  }
  const candidates = candidateScorers(state, policy, fold.predictors)
  const isServing = (scorer: string | null) => state.threshold_index !== -1 && state.serving === scorer
  const raw = look({ halves: state.halves, open: state.open, certified: state.certified }, RAW, candidates[0]!, isServing(null))
  const trials = state.trials.map((trial) => {
    const candidate = candidates.find(({ scorer }) => scorer === trial.predictor)
    return candidate === undefined ? trial : look(trial, trial.ordinal, candidate, isServing(trial.predictor))
  })
  const now = best as number | null
  const log_evidence = now === null ? state.log_evidence : { best: Math.max(now, state.log_evidence?.best ?? now), now }
  return copyState(state, { ...raw, trials, log_evidence })
}

function sumOf (open: readonly OpenEvidence[], thresholds: number): OpenSum {
  return {
    evidence: open.reduce((sum, { evidence }) => mergeEvidence(sum, evidence), noEvidence(thresholds)),
    unaccounted: open.reduce((sum, { lost }) => sum + lost, 0),
  }
}

/** Whether control against treated shows that real stops lose more than is tolerated; under a pin that is only a warning. */
function mustStop (fold: Fold, key: string, state: ContextState, policy: Policy, time: number): boolean {
  if (state.threshold_index === -1 || forceOf(fold, key, time).isPinned) return false
  return isBreached(state.arms, policy.error_level, policy.max_em_drop)
}
