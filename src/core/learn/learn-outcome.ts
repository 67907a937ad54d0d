import { copyState } from '../judgement/copy-state.js'
import type { Arm } from '../assignment/arm.js'
import { differenceFromPool } from '../certificate/policy-problem.js'
import type { CohortRules } from '../enrolment/account-for.js'
import type { Cohort } from '../enrolment/cohort.js'
import { MOST_SAMPLES, noteIndex, type Member, type SampleReport } from '../enrolment/member.js'
import type { LoggedOutcome } from '../grading/outcome.js'
import type { ContextState } from '../judgement/context-state.js'
import { countForToken } from '../judgement/evidence-by-token.js'
import { addCounts } from '../judgement/follow-up-counts.js'
import { hasLeft, leftEpochOf } from '../judgement/membership.js'
import { predictorOf } from '../judgement/trial.js'
import { nextCheckTokens } from '../policy/cadence.js'
import { certifyingDepth } from '../policy/certifying-link.js'
import { contextChain } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import { scorerFor } from '../predictor/predictor.js'
import type { Pending } from '../recording/pending.js'
import { pruneSteps } from '../recording/prune-steps.js'
import { cohortRules } from './cohort-rules.js'
import { armOf, createContext, forceOf, policyOf, type Fold } from './fold.js'
import { followUp, withCounts } from './follow-up.js'
import { applyOnArrival } from './learn-on-arrival.js'
import { expire } from './learn-time.js'
import { unitsOfOutcome } from './units-of-outcome.js'
import { applySample } from './learn-sample.js'
import { refuseSignals } from './refuse-signals.js'
import { isTraceKept, applyTrace } from './learn-trace.js'

/** Counts one finished generation in every link of its chain, and accounts for it in the cohort that it was enrolled in. */
export function applyOutcome (fold: Fold, time: number, reported: LoggedOutcome): void {
  const { levels } = fold.ledger.configuration
  const chain = contextChain(levels, reported.context)
  const leaf = chain.at(-1)!
  const policy = policyOf(fold.ledger, leaf)
  const key = chain[certifyingDepth(levels, policy.certify_at)]!
  const isIncomplete = wasDueButNotAsked(reported, policy) // workers ask at the leaf's cadence
  const isBare = reported.arm === 'treated' && reported.steps !== null // its steps are no evidence
  const whole = isIncomplete || isBare
    ? { ...reported, steps_complete: !isIncomplete && reported.steps_complete, steps: isBare ? null : reported.steps }
    : reported
  const outcome = refuseSignals(fold, leaf, whole)
  for (const link of chain) createContext(fold, link, time)
  expire(fold, key, time) // no tick may have come since
  if (fold.get(leaf) === undefined) fold.ledger = { ...fold.ledger, refused: fold.ledger.refused + 1 }
  const state = fold.get(key)
  const arm = armOf(outcome, state?.control_share ?? 0)
  const saved = arm === 'treated' && fold.get(leaf) !== undefined ? savedBy(fold, leaf, outcome, policy, time) : 0
  for (const link of chain) {
    const counted = fold.get(link)
    if (counted !== undefined) fold.set(link, countOutcome(counted, outcome, arm, saved, time))
  }
  if (state === undefined) return
  if (outcome !== whole) fold.set(key, withCounts(fold.get(key)!, { signals_refused: 1 }))
  if (differenceFromPool(policy, policyOf(fold.ledger, key)) !== undefined) return // no evidence of its pool
  const pending = { outcome, leaf, key }
  if (policyOf(fold.ledger, key).follow_up_seconds !== 0) account(fold, time, pending, arm)
  else if (isEvidence(fold, pending, time)) applyOnArrival(fold, time, pending, arm)
}

/** When the context of an outcome left its pool; `null`: it belongs to it, or has none. */
function leftAt (fold: Fold, { leaf, key }: Pick<Pending, 'leaf' | 'key'>): number | null {
  const state = fold.get(leaf)
  return hasLeft(leftEpochOf(state), fold.get(key)!.epoch_name) ? state!.membership!.left_at : null
}

/** Whether new generations of the leaf are evidence of the context that certifies for it. */
function isEvidence (fold: Fold, { leaf, key }: Pick<Pending, 'leaf' | 'key'>, time: number): boolean {
  return leaf === key || forceOf(fold, leaf, time).isEvidence
}

function account (fold: Fold, time: number, pending: Pending, arm: Arm | null): void {
  const { key, outcome } = pending
  followUp(fold, key, time) // what is due comes first; it may open another epoch
  const state = fold.get(key)!
  const policy = policyOf(fold.ledger, key)
  const cohort = fold.cohorts.of(key, state.epoch_name)
  const { clock } = fold.cohorts
  const member = cohort.members.get(outcome.u)
  if (member !== undefined) {
    takeReport(fold, pending, { cohort, member, rules: cohortRules(fold, state, policy), time })
    return followUp(fold, key, time)
  }
  const rules = cohortRules(fold, state, policy)
  const left = leftAt(fold, pending)
  if (left === null ? !isEvidence(fold, pending, time) : time >= left + rules.wait) return // nobody enrols it any more
  const isLeftOut = outcome.hash >= policy.label_rate || cohort.isLeftOut(outcome.hash, clock)
  const mayCome = !isNeverAsked(outcome) && !isLeftOut && cohort.mayEnrol(outcome.u, outcome.hash, state.control_share, clock)
  const early = { u: outcome.u, generation_id: outcome.generation_id, until: clock + rules.wait }
  if (mayCome && cohort.addEarly(early)) fold.pending.set(pending)
  else if (arm === 'control' && cohort.isMissed(outcome.u)) fold.set(key, withCounts(state, { late: 1 }))
  else if (arm === 'control' && !isLeftOut) fold.set(key, withCounts(state, { unenrolled: 1 }))
}

/**
 * Whether no entry can be under way: the generation ended before its first check, so it has no arm and no steps. Else many short ones would
 * take the places of the outcomes that wait. Those of a group wait, since another sample may have enrolled it.
 */
function isNeverAsked ({ arm, steps, steps_complete: isComplete, sample_index: index }: LoggedOutcome): boolean {
  return arm === null && steps?.length === 0 && isComplete && index === null
}

export interface Reporting { readonly cohort: Cohort, readonly member: Member, readonly rules: CohortRules, readonly time: number }

/** Accounts for one sample of an enrolled member, as far as its label allows. */
export function takeReport (fold: Fold, pending: Pending, { cohort, member, rules, time }: Reporting): void {
  const { outcome, key } = pending
  const { sample_index: index } = outcome
  const isTooMany = member.reported >= MOST_SAMPLES
  if (!isTooMany && index !== null && index >= 0 && !noteIndex(member, index)) return
  if (pending.leaf !== key && member.arm === 'control') member.leaf ??= pending.leaf
  const state = fold.get(key)!
  const policy = policyOf(fold.ledger, key)
  const report: SampleReport = isTooMany ? { kind: 'missing' } : reportOf(fold, pending, { cohort, member }, state, policy)
  if (report.kind === 'awaits_label') fold.pending.set(isTraceKept(fold, outcome, state) ? pending : prune(fold, pending))
  const samples = index === null ? 1 : outcome.samples ?? null
  cohort.report(member, report, samples, fold.cohorts.clock, rules)
  if (member.arm === 'treated') return
  if (report.kind === 'known') {
    applySample(fold, outcome, pending.leaf, policy)
    applyTrace(fold, outcome, key, state, policy)
  }
  const isLabelWanted = report.kind === 'awaits_label' || report.kind === 'at_worst'
  const counts = isLabelWanted ? { reported: 1, labels_wanted: 1 } : report.kind === 'known' ? { reported: 1 } : {}
  fold.set(key, copyState(state, {
    follow_up: addCounts(state.follow_up, counts), fed_by: countForToken(state.fed_by, outcome.by), updated_at: time,
  }))
}

function reportOf (
  fold: Fold, { outcome, leaf }: Pending, { cohort, member }: Pick<Reporting, 'cohort' | 'member'>, state: ContextState, policy: Policy): SampleReport {
  const { tokens, generation_id } = outcome
  if (outcome.cancelled === true) return { kind: 'cancelled' }
  const isOther = member.arm === 'control' ? outcome.stopped || outcome.arm === 'treated' : outcome.arm === 'control'
  if (isOther) return { kind: 'missing' }
  if (member.arm === 'treated') {
    const em = outcome.full[policy.label] ?? null
    const isWanted = em === null && policy.label === 'exact_match' && cohort.hasRoomForLabel
    return isWanted ? { kind: 'awaits_label', generation_id, tokens } : { kind: 'known', units: new Map(), em, tokens }
  }
  if (outcome.steps === null || !outcome.steps_complete) return { kind: 'missing' }
  const { units, em, isLabelWanted } = unitsOfOutcome(outcome, leaf, policy, state, fold.predictors)
  if (!isLabelWanted) return { kind: 'known', units, em, tokens }
  return cohort.hasRoomForLabel ? { kind: 'awaits_label', generation_id, tokens } : { kind: 'at_worst', units, tokens }
}

/**
 * Drops the steps at which no threshold is crossed, which would fill the store while the outcome awaits its label. Use it only after the
 * enrolment: a predictor that is published before it may cross at other steps.
 */
function prune (fold: Fold, pending: Pending): Pending {
  const { outcome, leaf, key } = pending
  const policy = policyOf(fold.ledger, leaf)
  const trials = fold.get(key)?.trials ?? []
  const scorers = trials.flatMap((trial) => predictorOf(trial, fold.predictors) ?? []).map((predictor) => scorerFor(predictor, leaf))
  const minTokens = [policy.min_tokens, policyOf(fold.ledger, key).min_tokens]
  return { ...pending, outcome: pruneSteps(outcome, { minTokens, scorers, isSampled: policy.predictor === 'auto' }) }
}

/**
 * Estimate, probes not counted: at savings s, a treated generation that used t tokens would have used t/(1-s); none under a pin, of unknown
 * savings.
 */
function savedBy (fold: Fold, leaf: string, { tokens }: LoggedOutcome, { mode }: Policy, time: number): number {
  const { threshold, source, isPinned } = forceOf(fold, leaf, time)
  const s = source.grossSavedRatio
  return threshold === null || isPinned || mode !== 'enforce' || s === 1 ? 0 : tokens * s / (1 - s)
}

function countOutcome (state: ContextState, outcome: LoggedOutcome, arm: Arm | null, saved: number, time: number): ContextState {
  return copyState(state, {
    generations: state.generations + 1,
    treated: state.treated + (arm === 'treated' ? 1 : 0),
    tokens_saved_gross: state.tokens_saved_gross + saved,
    probe_tokens: state.probe_tokens + (outcome.probe_tokens ?? 0),
    probe_prefill_tokens: state.probe_prefill_tokens + (outcome.probe_prefill_tokens ?? 0),
    updated_at: time,
  })
}

/** An empty list means that the generation never asked, which cannot be true if it was long enough for more than one check. */
function wasDueButNotAsked ({ steps, tokens }: LoggedOutcome, policy: Policy): boolean {
  if (steps?.length !== 0) return false
  const cadence = { checkEveryTokens: policy.check_every_tokens, checkGrowth: policy.check_growth, minTokens: policy.min_tokens }
  return tokens >= nextCheckTokens(cadence, nextCheckTokens(cadence, 0))
}
