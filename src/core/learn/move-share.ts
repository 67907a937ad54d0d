import { copyState } from '../judgement/copy-state.js'
import { nextShare } from '../assignment/arm.js'
import type { ContextState } from '../judgement/context-state.js'
import { suspicion } from '../certificate/drift.js'
import { forceOf, settledAt, type Fold } from './fold.js'
import { controlShareFor, type EffectiveThreshold } from '../judgement/effective-threshold.js'
import type { ChainLink } from '../judgement/chain-link.js'

/**
 * An `auto` share is raised tenfold at the first of these suspicions, and stays so down to the second. Lower ones raise it too often,
 * higher ones too late (simulated at 20 generations a second, settle_seconds 0 and 300, an EM drop that rises from 0.5 to 6 points).
 */
const SUSPECTED = 2
const CALM = 1.2
const BOOST = 10

/**
 * Follows the control share, an `auto` one also the detector's suspicion: at the floor a drift would have to be found in one generation
 * of fifty. It depends on the past alone, so the bets stay fair.
 * Right after a rise short ones among the new control generations finish first, right after a fall long ones among the old are left: for
 * as long only draws below both shares count, which are control at any moment. Where no threshold is left that would be a small part of
 * what runs, and nothing is in force that has to be watched: the context settles again.
 * @returns the threshold in force, on which the share depends
 */
export function moveShare (fold: Fold, leafKey: string, time: number): EffectiveThreshold & { leaf: ChainLink } {
  const state = fold.get(leafKey)!
  const force = forceOf(fold, leafKey, time)
  const { control_rate: rate } = force.leaf.policy
  const wanted = controlShareFor(force.leaf, force)
  const is_suspected = rate === 'auto' && isSuspected(state, force)
  const share = rate === 'auto' ? autoShare(state, is_suspected ? Math.min(1, BOOST * wanted) : wanted, force, time) : wanted
  if (share === state.control_share && is_suspected === state.is_suspected) return force
  const settled = settledAt(fold, force.leaf.policy, time)
  const moved = share === state.control_share ? {} : sortOut(state, share, force.threshold, time, settled)
  fold.set(leafKey, copyState(state, { control_share: share, is_suspected, ...moved }))
  return force
}

function isSuspected ({ drift, is_suspected }: ContextState, { threshold, isPinned }: EffectiveThreshold): boolean {
  return threshold !== null && !isPinned && suspicion(drift) >= (is_suspected ? CALM : SUSPECTED)
}

/**
 * A jump, and then a pause: each move costs the evidence of `settle_seconds` all that is not control under every share of that time, so a
 * share that followed the suspicion step by step would never be of use.
 */
function autoShare (
  { control_share: share, narrows_until }: ContextState, target: number, { threshold }: EffectiveThreshold, time: number): number {
  return threshold !== null && target < share && time < narrows_until ? share : nextShare(share, target)
}

/** What to leave out while generations begun under the share so far still arrive. */
function sortOut (
  state: ContextState, share: number, threshold: number | null, time: number, settledAt: number
): Pick<ContextState, 'settles_at'> | Pick<ContextState, 'narrows_until' | 'narrow_share'> {
  if (threshold === null) return { settles_at: Math.max(state.settles_at, settledAt) }
  const isNarrow = time < state.narrows_until
  return {
    narrows_until: Math.max(state.narrows_until, settledAt),
    narrow_share: Math.min(isNarrow ? state.narrow_share : 1, state.control_share, share),
  }
}
