import { copyState } from '../judgement/copy-state.js'
import { CONTROL_FLOOR } from '../assignment/arm.js'
import { compareEm } from '../certificate/compare-arms.js'
import { chainOf } from '../policy/context.js'
import type { ContextState } from '../judgement/context-state.js'
import { forceOf, policyOf, write, type Fold } from './fold.js'
import type { EffectiveThreshold } from '../judgement/effective-threshold.js'
import { learnEvidence, type Watched } from './learn-evidence.js'
import { moveShare } from './move-share.js'
import type { Arrival } from '../recording/pending.js'

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
    const known = copyState(state, {
      awaiting_label: hasWaited ? state.awaiting_label - 1 : state.awaiting_label,
      arms: arm === null || comparedAt === null || em === undefined || arrival.time < state.arms_since
        ? state.arms
        : compareEm(state.arms, arm, comparedAt, em),
    })
    const isLeaf = key === leaf
    const watched = isLeaf && before !== undefined ? watchedIn(state, before) : ownOf(state)
    const counts = arm !== 'treated' && (isLeaf || outcome.u < CONTROL_FLOOR)
    const next = counts ? learnEvidence(fold, known, arrival, policy, time, watched, isLeaf, hasWaited) : known
    write(fold, key, next, policy, time, next.epoch === state.epoch ? 'evidence' : next.epoch_cause, next.halves !== state.halves)
  }
  if (before !== undefined) moveShare(fold, leaf, time)
}

/** The threshold a leaf is watched at: the one in force, its parent's if it falls back; a pin's was never promised. */
function watchedIn (leaf: ContextState, { scope, source, isPinned }: EffectiveThreshold): Watched {
  return scope === 'parent' && !isPinned ? source : ownOf(leaf)
}

function ownOf ({ serving: scorer, threshold_index: index }: ContextState): Watched { return { scorer, index } }
