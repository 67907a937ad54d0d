import { nextShare } from '../assignment/arm.js'
import { BREACH_SUSPECTED, emSuspicion } from '../certificate/compare-arms.js'
import { suspicion } from '../certificate/drift.js'
import type { ContextState } from '../judgement/context-state.js'
import { copyState } from '../judgement/copy-state.js'
import { controlShareFor, type EffectiveThreshold } from '../judgement/effective-threshold.js'
import type { Policy } from '../policy/policy.js'
import { forceOf, type Fold } from './fold.js'

/**
 * An `auto` share is raised tenfold at the first of these suspicions of drift, and stays raised down to the second. Lower limits raise it
 * too often, higher ones too late (simulated at 20 generations a second and an EM drop that rises from 0.5 to 6 points).
 */
const SUSPECTED = 2
const CALM = 1.2
const BOOST = 10

/** A suspicion of breach ends below this many standard errors beyond the bound. Until then the control share is at least BREACH_SHARE. */
const BREACH_CALM = 0.5
const BREACH_SHARE = 0.5

/**
 * Follows the control share; an `auto` one also the suspicions of drift and breach, since at the floor either would have to be found in one
 * generation of fifty. It depends on the past alone, so the bets stay fair, and each draw states the share that it was made at.
 */
export function moveShare (fold: Fold, key: string, time: number): void {
  const state = fold.get(key)
  if (state === undefined) return
  const force = forceOf(fold, key, time)
  const { policy } = force.source
  const wanted = controlShareFor(force)
  if (policy.control_rate !== 'auto') {
    if (wanted !== state.control_share) fold.set(key, copyState(state, { control_share: wanted, is_suspected: false }))
    return
  }
  const suspected = suspicionOf(state, force, policy)
  const raised = suspected === 'breach' ? Math.max(wanted, BREACH_SHARE) : suspected === 'drift' ? Math.min(1, BOOST * wanted) : wanted
  const share = nextShare(state.control_share, raised)
  const is_suspected = suspected !== null
  if (share === state.control_share && is_suspected === state.is_suspected) return
  fold.set(key, copyState(state, { control_share: share, is_suspected }))
}

function suspicionOf (state: ContextState, { threshold, isPinned }: EffectiveThreshold, { max_em_drop: bound }: Policy): 'drift' | 'breach' | null {
  if (threshold === null || isPinned) return null
  const { is_suspected: was } = state
  if (emSuspicion(state.arms, bound) >= (was ? BREACH_CALM : BREACH_SUSPECTED)) return 'breach'
  return suspicion(state.drift) >= (was ? CALM : SUSPECTED) ? 'drift' : null
}
