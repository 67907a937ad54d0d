import { copyState } from '../judgement/copy-state.js'
import type { Arm } from '../assignment/arm.js'
import { differenceFromPool } from '../policy/policy-problem.js'
import type { LoggedOutcome } from '../grading/outcome.js'
import type { ContextState } from '../judgement/context-state.js'
import { hasLeft, leftEpochOf } from '../judgement/membership.js'
import { nextCheckTokens } from '../policy/cadence.js'
import { certifyingDepth } from '../policy/certifying-link.js'
import { contextChain } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import type { Pending } from '../recording/pending.js'
import { cohortRules } from './cohort-rules.js'
import { armOf, ensureContext, forceOf, policyOf, type Fold } from './fold.js'
import { followUp, withCounts } from './follow-up.js'
import { applyOnArrival } from './learn-on-arrival.js'
import { expire } from './learn-time.js'
import { refuseSignals } from './refuse-signals.js'
import { takeReport } from './take-report.js'

/** Counts one finished generation in every link of its chain, and accounts for it in the cohort that it was enrolled in. */
export function applyOutcome (fold: Fold, time: number, reported: LoggedOutcome): void {
  const { levels } = fold.ledger.configuration
  const chain = contextChain(levels, reported.context)
  const leaf = chain.at(-1)!
  const policy = policyOf(fold.ledger, leaf)
  const key = chain[certifyingDepth(levels, policy.certify_at)]!
  const usable = withUsableSteps(reported, policy)
  const outcome = refuseSignals(fold, leaf, usable)

  for (const link of chain) ensureContext(fold, link, time)
  const found = fold.get(key)
  const current = found && expire(fold, key, found, time) // no tick may have come since
  const hasLeaf = fold.get(leaf) !== undefined
  if (!hasLeaf) fold.ledger = { ...fold.ledger, refused: fold.ledger.refused + 1 }

  const arm = armOf(outcome, current?.control_share ?? 0)
  const saved = arm === 'treated' && hasLeaf ? savedBy(fold, leaf, outcome, policy, time) : 0
  const isRefused = outcome !== usable
  const counted = countInChain(fold, chain, key, (state, isGathering) => {
    const next = countOutcome(state, outcome, arm, saved, time)
    return isGathering && isRefused ? withCounts(next, { signals_refused: 1 }) : next
  })
  if (counted === undefined) return

  const gathering = policyOf(fold.ledger, key)
  if (differenceFromPool(policy, gathering) !== undefined) return // no evidence of its pool
  const pending = { outcome, leaf, key }
  if (gathering.follow_up_seconds !== 0) account(fold, time, pending, arm, counted)
  else if (isEvidence(fold, pending, time)) applyOnArrival(fold, time, pending, arm, counted)
}

/** The outcome without steps that are no evidence: those of a treated generation, and those that cannot be complete. */
function withUsableSteps (reported: LoggedOutcome, policy: Policy): LoggedOutcome {
  const isIncomplete = wasDueButNotAsked(reported, policy) // workers ask at the leaf's cadence
  const isBare = reported.arm === 'treated' && reported.steps !== null
  if (!isIncomplete && !isBare) return reported
  return { ...reported, steps_complete: !isIncomplete && reported.steps_complete, steps: isBare ? null : reported.steps }
}

/**
 * Stores the next state of every link that exists.
 * @param key the link that gathers the evidence
 * @returns the next state of that link; `undefined` where there was no room for it
 */
function countInChain (
  fold: Fold, chain: readonly string[], key: string, count: (state: ContextState, isGathering: boolean) => ContextState
): ContextState | undefined {
  let gathering: ContextState | undefined
  for (const link of chain) {
    const state = fold.get(link)
    if (state === undefined) continue
    const next = count(state, link === key)
    fold.set(link, next)
    if (link === key) gathering = next
  }
  return gathering
}

/** Whether new generations of the leaf are evidence of the context that certifies for it. */
function isEvidence (fold: Fold, { leaf, key }: Pick<Pending, 'leaf' | 'key'>, time: number): boolean {
  return leaf === key || forceOf(fold, leaf, time).isEvidence
}

/**
 * Accounts for a sample of an enrolled generation, or keeps the outcome until its entry comes.
 * @param counted state of the context that gathers the evidence, as stored
 */
function account (fold: Fold, time: number, pending: Pending, arm: Arm | null, counted: ContextState): void {
  const { key, outcome } = pending
  const state = followUp(fold, key, counted, time) // what is due comes first; it may open another epoch
  const policy = policyOf(fold.ledger, key)
  const cohort = fold.cohorts.of(key, state.epoch_name)
  const { clock } = fold.cohorts
  const rules = cohortRules(fold, state, policy)
  const member = cohort.members.get(outcome.u)
  if (member !== undefined) {
    followUp(fold, key, takeReport(fold, pending, state, { cohort, member, rules, time }), time)
    return
  }
  const left = leftAt(fold, pending, state)
  if (left === null ? !isEvidence(fold, pending, time) : time >= left + rules.wait) return // nobody enrols it any more
  const isLeftOut = outcome.hash >= policy.label_rate || cohort.isLeftOut(outcome.hash, clock)
  const mayCome = !isNeverAsked(outcome) && !isLeftOut && cohort.mayEnrol(outcome.u, outcome.hash, state.control_share, clock)
  const early = { u: outcome.u, generation_id: outcome.generation_id, until: clock + rules.wait }
  if (mayCome && cohort.addEarly(early)) fold.pending.set(pending)
  else if (arm === 'control' && cohort.isMissed(outcome.u)) fold.set(key, withCounts(state, { late: 1 }))
  else if (arm === 'control' && !isLeftOut) fold.set(key, withCounts(state, { unenrolled: 1 }))
}

/**
 * When the context of an outcome left its pool; `null`: it belongs to it, or has none.
 * @param pool state of the context that certifies for it
 */
function leftAt (fold: Fold, { leaf, key }: Pick<Pending, 'leaf' | 'key'>, pool: ContextState): number | null {
  const state = leaf === key ? pool : fold.get(leaf)
  return hasLeft(leftEpochOf(state), pool.epoch_name) ? state?.membership?.left_at ?? null : null
}

/**
 * Whether no entry can be under way: the generation ended before its first check, so it has no arm and no steps. Else many short ones would
 * take the places of the outcomes that wait. Those of a group wait, since another sample may have enrolled it.
 */
function isNeverAsked ({ arm, steps, steps_complete: isComplete, sample_index: index }: LoggedOutcome): boolean {
  return arm === null && steps?.length === 0 && isComplete && index === null
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
