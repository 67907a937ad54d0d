import type { EpochCause } from '../stats/error-budget.js'
import type { Policy } from '../policy/policy.js'
import type { Fold } from './fold.js'
import { type ContextState, openEpoch } from './context-state.js'
import { writeMoved } from './control-share.js'
import { ROOT } from '../policy/context.js'
import { type SinceFloor, sinceFloor } from '../guards/detector.js'
import type { DriftCounts } from '../guards/drift.js'
import { lostSinceFloor } from '../guards/fidelity.js'
import { countBreach, guardsAfterBreach, stopsReported } from '../guards/guards.js'

export interface EpochStart {
  readonly cause: EpochCause
  readonly policy: Policy
  readonly time: number
}

/**
 * Starts an epoch without the evidence of the last one: enrolled generations are dropped.
 * @param previous `undefined` for a new context
 * @returns the state, which the caller stores
 */
export function startEpoch (
  fold: Fold, key: string, previous: ContextState | undefined, { cause, policy, time }: EpochStart): ContextState {
  const until = fold.cohorts.clock + policy.follow_up_seconds * 1000
  for (const id of fold.cohorts.renew(key, fold.cursor, until)) fold.pending.remove(id)
  const { levels } = fold.ledger.configuration
  const { cursor: name, predictors } = fold
  return openEpoch(previous, { cause, policy, levels, predictors, time, name })
}

export interface Ending extends EpochStart {
  readonly cause: 'drift' | 'breach' | 'repair' | 'recovered'
  /** `null`: none was raised. */
  readonly alarm: SinceFloor | null
}

/**
 * What an alarm knows of the time since its detector was at its floor; `null`: the cause is no alarm.
 * @param counts those of the detector of drift that raised it, which may have seen open slices
 */
export function alarmOf (
  cause: Ending['cause'], { guards, epoch }: ContextState, { seen, floor }: DriftCounts = guards.drift_counts): SinceFloor | null {
  const since = cause === 'breach'
    ? lostSinceFloor(guards.fidelity)
    : cause === 'drift' ? sinceFloor(floor, { ...seen, stops: stopsReported(guards) }) : null
  return since && { ...since, since: Math.max(since.since, epoch.started_at) }
}

/** Starts an epoch because the evidence of the last one no longer counts. @returns the state of the new epoch, as stored */
export function endEpoch (fold: Fold, key: string, state: ContextState, start: Ending): ContextState {
  const opened = startEpoch(fold, key, state, start)
  const next = start.cause === 'breach' ? breached(fold, key, state, opened, start) : opened
  return writeMoved(fold, key, next, { ...start, mayMove: true })
}

/** The new epoch of a context after a breach, which its count and that of the root show. */
function breached (fold: Fold, key: string, last: ContextState, opened: ContextState, { policy, time }: EpochStart): ContextState {
  const root = key === ROOT ? undefined : fold.get(ROOT)
  if (root !== undefined) fold.set(ROOT, { ...root, guards: countBreach(root.guards) })
  return { ...opened, guards: guardsAfterBreach(last.guards, time, policy) }
}
