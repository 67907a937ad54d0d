import { copyState } from '../judgement/copy-state.js'
import { CONTROL_FLOOR, type Arm } from '../assignment/arm.js'
import { comparedShare, compareTokens } from '../certificate/compare-arms.js'
import { contextChain } from '../policy/context.js'
import type { ContextState } from '../judgement/context-state.js'
import { policyOf, startEpoch, type Fold } from './fold.js'
import type { EffectiveThreshold } from '../judgement/effective-threshold.js'
import { learnArrival } from './learn-arrival.js'
import { isFirstSample } from './learn-evidence.js'
import { expire } from './learn-time.js'
import { moveShare } from './move-share.js'
import type { LoggedOutcome } from '../grading/outcome.js'
import type { Arrival } from '../recording/pending.js'
import type { Policy } from '../policy/policy.js'
import { scorerFor } from '../predictor/predictor.js'
import { predictorOf } from '../judgement/trial.js'
import { pruneSteps, type PrunedOutcome } from '../recording/prune-steps.js'

/** Counts one finished generation in every link of its chain, and takes it into the evidence: at once, or when its label is known. */
export function learnOutcome (fold: Fold, time: number, reported: LoggedOutcome): void {
  const { levels } = fold.ledger.configuration
  const chain = contextChain(levels, reported.context)
  const leafKey = chain.at(-1)!
  const policy = policyOf(fold.ledger, leafKey)
  const isInVain = wasDueButNotAsked(reported, policy) // workers ask at the leaf's cadence
  const outcome = isInVain ? { ...reported, steps_complete: false } : reported
  for (const key of chain) {
    createContext(fold, key, time)
    expire(fold, key, time) // no tick may have come since
  }
  const leaf = fold.get(leafKey)
  if (leaf === undefined) fold.ledger = { ...fold.ledger, refused: fold.ledger.refused + 1 }

  const before = leaf && moveShare(fold, leafKey, time) // an ancestor's threshold may have moved since the last outcome here
  const arm = armOf(outcome, leaf === undefined ? CONTROL_FLOOR : Math.min(leaf.control_share, fold.get(leafKey)!.control_share))
  const comparedAt = before?.threshold == null || policy.mode === 'off' ? null : comparedShareIn(fold.get(leafKey)!, outcome, arm, time)
  const saved = before === undefined || arm !== 'treated' ? 0 : savedBy(outcome, before, policy)
  const isOfAnotherShare = leaf !== undefined && isControlUnderOne(fold.get(leafKey)!, outcome, time)
  const arrival = { outcome, leaf: leafKey, time, arm, comparedAt, isOfAnotherShare }
  const mayWait = mustWait(fold, arrival, policy)
  const isCrowdedOut = mayWait && fold.pending.isFull(leafKey, arm)
  const isWaiting = mayWait && !isCrowdedOut
  for (const key of chain) {
    const state = fold.get(key)
    if (state === undefined) continue
    const counted = countArrival(state, arrival, saved, isWaiting, isCrowdedOut)
    fold.set(key, isWaiting && key !== leafKey ? settleForLabels(state, counted) : counted)
  }
  if (isWaiting) fold.pending.add(withoutBallast(fold, arrival, chain), !awaitsLabel(fold, arrival, policy))
  else if (!isCrowdedOut) learnArrival(fold, time, arrival)
}

function createContext (fold: Fold, key: string, time: number): void {
  const { ledger } = fold
  if (fold.get(key) !== undefined || ledger.contexts >= ledger.configuration.max_contexts) return
  fold.ledger = { ...ledger, contexts: ledger.contexts + 1 }
  fold.set(key, startEpoch(fold, undefined, 'first_outcome', policyOf(ledger, key), time))
}

/** A stopped generation was treated, whatever it says; without an arm it is control iff its draw says so, else unknown. */
function armOf ({ stopped, arm, u }: LoggedOutcome, share: number): Arm | null {
  if (stopped) return 'treated'
  return arm ?? (u < share ? 'control' : null)
}

/** The share an outcome is compared at; `null` while those that began under another share still come in. */
function comparedShareIn (leaf: ContextState, outcome: LoggedOutcome, arm: Arm | null, time: number): number | null {
  if (!isFirstSample(outcome) || time < leaf.settles_at || time < leaf.narrows_until) return null
  return comparedShare(arm, outcome.u, leaf.control_share)
}

/** Whether it is control under one only of the shares that the arrivals of now began under: those come in by their length. */
function isControlUnderOne (leaf: ContextState, { u }: LoggedOutcome, time: number): boolean {
  return time < leaf.narrows_until && u >= leaf.narrow_share
}

/** Estimate: at savings s, a treated generation that used t tokens would have used t/(1-s); none under a pin, of unknown savings. */
function savedBy ({ tokens }: LoggedOutcome, { threshold, source, isPinned }: EffectiveThreshold, { mode }: Policy): number {
  return threshold === null || isPinned || mode !== 'enforce' || source.savedRatio === 1 ? 0 : tokens * source.savedRatio / (1 - source.savedRatio)
}

/** Whether a label that is missing may still come, and would be of use. */
function awaitsLabel ({ ledger }: Fold, { outcome, arm, comparedAt }: Arrival, { label }: Policy): boolean {
  const isOfUse = comparedAt !== null || (arm === 'control' && isFirstSample(outcome) && outcome.steps !== null)
  return label === 'exact_match' && outcome.full.exact_match === undefined && ledger.configuration.label_wait_seconds > 0 && isOfUse
}

/** One with its label also waits behind those of its arm and leaf that came before it. */
function mustWait (fold: Fold, arrival: Arrival, policy: Policy): boolean {
  if (fold.get(arrival.leaf) === undefined) return false
  const isOfUse = arrival.comparedAt !== null || arrival.arm === 'control'
  return awaitsLabel(fold, arrival, policy) || (isOfUse && fold.pending.headOf(arrival.leaf, arrival.arm) !== undefined)
}

/** What is kept of an outcome while it waits: of a treated one no steps, which are no evidence. */
function withoutBallast (fold: Fold, arrival: Arrival, chain: readonly string[]): Arrival & { outcome: PrunedOutcome } {
  const { outcome, arm } = arrival
  const policies = chain.map((key) => policyOf(fold.ledger, key))
  const trials = chain.flatMap((key) => fold.get(key)?.trials ?? [])
  const predictors = new Set(trials.flatMap((trial) => predictorOf(trial, fold.predictors) ?? []))
  const thinning = {
    minTokens: policies.map(({ min_tokens }) => min_tokens),
    scorers: [...predictors].map((predictor) => scorerFor(predictor, arrival.leaf)),
    isSampled: policies.at(-1)!.predictor === 'auto',
  }
  return { ...arrival, outcome: pruneSteps(arm === 'control' ? outcome : { ...outcome, steps: null }, thinning) }
}

function countArrival (
  state: ContextState, { outcome, arm, comparedAt, time }: Arrival, saved: number, isWaiting: boolean, isCrowdedOut: boolean
): ContextState {
  return copyState(state, {
    generations: state.generations + 1,
    treated: state.treated + (arm === 'treated' ? 1 : 0),
    arms: arm === null || comparedAt === null || time < state.arms_since
      ? state.arms
      : compareTokens(state.arms, arm, comparedAt, outcome.tokens),
    tokens_saved: state.tokens_saved + saved,
    awaiting_label: state.awaiting_label + (isWaiting ? 1 : 0),
    crowded_out: state.crowded_out + (isCrowdedOut && arm === 'control' ? 1 : 0),
    has_waited: state.has_waited || isWaiting,
    updated_at: time,
  })
}

/** Above the leaves it settles again when labels begin to come late: from then on quick ones prevail, as long as others may take. */
function settleForLabels (before: ContextState, state: ContextState): ContextState {
  return before.has_waited ? state : copyState(state, { settles_at: Math.max(state.settles_at, state.updated_at) })
}

/** An empty list says "never asked"; a generation long enough to have been asked more than once can't say so. */
function wasDueButNotAsked ({ steps, tokens }: LoggedOutcome, policy: Policy): boolean {
  const { check_every_tokens: every, min_tokens: min } = policy
  return steps?.length === 0 && tokens >= Math.max(every, Math.ceil(min / every) * every) + every
}
