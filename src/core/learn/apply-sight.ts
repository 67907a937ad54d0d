import { countRefused, countUnprobed } from '../guards/guards.js'
import { forgetStops, forgottenAt, isBlind, noteStops, noteUnits, type Sight } from '../guards/sight.js'
import { isCompared, observeStop } from '../outcome/observed-stop.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import type { ContextState } from './context-state.js'
import { moveShare } from './control-share.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'
import type { RefusedStops } from './log-entry.js'
import { moveOf } from './threshold-change.js'
import { thresholdInForce } from './threshold-in-force.js'

/**
 * Stores what the guards of a context can see (law 2), and notes whether its threshold has just been suspended or returned.
 * @param state of the context, as stored
 * @returns the state stored last
 */
function moveSight (fold: Fold, key: string, state: ContextState, sight: Sight, time: number): ContextState {
  if (sight === state.guards.sight) return state
  const next = { ...state, guards: { ...state.guards, sight } }
  fold.set(key, next)
  const { rule: { threshold } } = state
  if (isBlind(state.guards.sight) === isBlind(sight) || threshold === null || thresholdInForce(fold, key, time).isPinned) return next
  const move = isBlind(sight) ? moveOf(state) : moveOf(undefined, state)
  fold.changes.push({ time, key, cause: isBlind(sight) ? 'suspended' : 'resumed', epoch: state.epoch.number, ...move })
  return moveShare(fold, key, next, time)
}

/** Notes what became of control units. @returns the state stored last */
export function seeUnits (fold: Fold, key: string, state: ContextState, units: readonly boolean[], time: number): ContextState {
  return moveSight(fold, key, state, noteUnits(state.guards.sight, units), time)
}

/** Notes a stop that was reported to the context that certifies for it. */
export function seeStop (fold: Fold, key: string, outcome: LoggedOutcome, time: number): void {
  const state = fold.get(key)
  if (state === undefined) return
  if (!isCompared(state.epoch.meaning.score, outcome)) {
    fold.set(key, { ...state, guards: countUnprobed(state.guards) })
    return
  }
  const isSeen = observeStop(outcome, policyOf(fold.ledger, key).label, true) !== null
  noteSeen(fold, key, state, { isSeen, count: 1 }, time)
}

/** Notes stops whose outcomes were refused. */
export function applyRefusedStops (fold: Fold, time: number, { stops }: RefusedStops): void {
  for (const [key, count] of stops) {
    const state = fold.get(key)
    if (state !== undefined) noteSeen(fold, key, state, { isSeen: false, count }, time)
  }
}

/** Stops by what became of them. */
interface Seen { readonly isSeen: boolean, readonly count: number }

function noteSeen (fold: Fold, key: string, state: ContextState, { isSeen, count }: Seen, time: number): void {
  const counted = isSeen ? state : { ...state, guards: countRefused(state.guards, count) }
  fold.set(key, counted)
  moveSight(fold, key, counted, noteStops(state.guards.sight, isSeen, time, count), time)
}

/** Lets a threshold return that refused stops suspended, once none was stopped for half an hour. */
export function forgetRefused (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  return time < forgottenAt(state.guards.sight) ? state : moveSight(fold, key, state, forgetStops(state.guards.sight), time)
}
