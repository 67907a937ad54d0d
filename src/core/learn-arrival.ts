import { CONTROL_FLOOR } from './arm.js'
import { compareEm } from './compare-arms.js'
import { chainOf } from './context.js'
import type { ContextState } from './context-state.js'
import { hasDrifted, watchDrift } from './drift.js'
import { addTrace, NO_EVIDENCE, stopsOf } from './evidence.js'
import { forceOf, moveShare, policyOf, startEpoch, write, type Fold } from './fold.js'
import type { InForce } from './in-force.js'
import type { LoggedOutcome } from './outcome.js'
import type { Arrival } from './pending.js'
import type { Policy } from './policy.js'

/**
 * Takes an outcome into the evidence of every link of its chain, its label being known or given up.
 * @param time of this moment, ms; the outcome itself may have arrived before
 */
export function learnArrival (fold: Fold, time: number, arrival: Arrival, hasWaited = false): void {
  const { outcome, leaf, arm, comparedAt } = arrival
  const before = fold.get(leaf) && forceOf(fold, leaf, time)
  for (const key of chainOf(leaf)) {
    const state = fold.get(key)
    if (state === undefined) continue
    const policy = policyOf(fold.ledger, key)
    const em = outcome.full[policy.label]
    const known = {
      ...state,
      awaiting_label: hasWaited ? state.awaiting_label - 1 : state.awaiting_label,
      arms: arm === null || comparedAt === null || em === undefined || arrival.time < state.arms_since
        ? state.arms
        : compareEm(state.arms, arm, comparedAt, em),
    }
    const isLeaf = key === leaf
    const watched = isLeaf && before !== undefined ? watchedIndex(state, before) : state.threshold_index
    const counts = arm !== 'treated' && (isLeaf || outcome.u < CONTROL_FLOOR)
    const next = counts ? learnEvidence(fold, known, arrival, policy, time, watched, isLeaf, hasWaited) : known
    write(fold, key, next, policy, time, next.epoch === state.epoch ? 'evidence' : next.epoch_cause, next.halves !== state.halves)
  }
  if (before !== undefined) moveShare(fold, leaf, time)
}

/** Grid index of the threshold a leaf is watched at: the one in force, its parent's if it falls back; a pin's was never promised. */
function watchedIndex (leaf: ContextState, { scope, source, isPinned }: InForce): number {
  return scope === 'parent' && !isPinned ? source.index : leaf.threshold_index
}

/**
 * Before an epoch settles, short generations prevail. Above the leaves, once labels come late, contexts with quick labels prevail for as
 * long as a label may take.
 */
function isUnsettled (
  fold: Fold, state: ContextState, arrival: Arrival, time: number, isLeaf: boolean, hasWaited: boolean
): boolean {
  if (arrival.time < state.settles_at || arrival.isOfAnotherShare) return true
  if (arrival.time <= state.epoch_started_at && state.epoch_cause !== 'first_outcome' && hasWaited) return true // it waited, the epoch is younger
  return !isLeaf && state.has_waited && time < state.settles_at + fold.ledger.configuration.label_wait_seconds * 1000
}

/** The rules of evidence (DESIGN section 3), each of which keeps a false certificate out. */
function learnEvidence (
  fold: Fold, state: ContextState, arrival: Arrival, policy: Policy, time: number, watched: number, isLeaf: boolean, hasWaited: boolean
): ContextState {
  const { outcome, arm } = arrival
  if (arm === null) return { ...state, unknown_arm: state.unknown_arm + 1 }
  if (!isFirstSample(outcome)) return { ...state, siblings: state.siblings + 1 }
  if (isUnsettled(fold, state, arrival, time, isLeaf, hasWaited)) return { ...state, unsettled: state.unsettled + 1 }
  if (outcome.steps === null) return { ...state, unstepped: state.unstepped + 1 }
  const em = outcome.full[policy.label] ?? null
  if (em === null && policy.missing_labels === 'excluded') return { ...state, unlabelled: state.unlabelled + 1 }

  const trace = {
    tokens: outcome.tokens,
    answerTokens: outcome.answer_tokens,
    em,
    steps: outcome.steps.map((step) => ({ tokens: step.tokens, score: step.confidence, em: step[policy.label] })),
    isComplete: outcome.steps_complete,
  }
  const stops = stopsOf(trace, policy.min_tokens)
  const drift = watched === -1 ? state.drift : watchDrift(state.drift, stops[watched]!.delta, policy.max_em_drop)
  if (hasDrifted(drift)) return startEpoch(fold, state, 'drift', policy, time)

  const filling = addTrace(state.halves[0], trace, stops)
  const isFull = filling.generations >= policy.evidence_window / 2
  return {
    ...state,
    halves: isFull ? [NO_EVIDENCE, filling] : [filling, state.halves[1]],
    drift,
    labelled: state.labelled + (em === null ? 0 : 1),
    unlabelled: state.unlabelled + (em === null ? 1 : 0),
    last_evidence_at: time,
  }
}

/** Several samples of one prompt are not independent draws: only the first is evidence, or compared. */
export function isFirstSample ({ sample_index: index }: LoggedOutcome): boolean {
  return index === null || index === 0
}
