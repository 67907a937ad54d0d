import { choose, isChoiceDue, isSameChoice } from '../contexts/automatic-cadence.js'
import { type ContextState, copyState } from '../contexts/context-state.js'
import type { Policy } from '../policy/policy.js'
import { moveShare } from './control-share.js'
import { type Fold, startEpoch, writeState } from './fold.js'

/**
 * Chooses the cadence once enough control generations show which is best. Another cadence than the one in force starts an epoch, since the
 * evidence so far is about stops at other checks. So does another exploration.
 * @param state of the context, to be stored
 * @returns the same state if nothing is due; otherwise the state stored last
 */
export function chooseIfDue (fold: Fold, key: string, state: ContextState, policy: Policy, time: number): ContextState {
  const { auto_cadence: cadence, follow_up: { reported } } = state
  if (cadence === null || policy.check_every_tokens !== 'auto' || !isChoiceDue(cadence, reported)) return state
  const next = choose(cadence, time, policy)
  if (isSameChoice(next, cadence)) {
    const looked = copyState(state, { auto_cadence: next })
    fold.set(key, looked)
    return looked
  }
  const start = { cause: 'cadence', policy, time, cadence: next } as const
  return moveShare(fold, key, writeState(fold, key, startEpoch(fold, key, state, start), { ...start, mayMove: true }), time)
}
