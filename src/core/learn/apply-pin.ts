import type { Pin } from '../policy/pin.js'
import { byDepth } from '../policy/context.js'
import { type Fold, statesWithin } from './fold.js'
import { thresholdInForce } from './threshold-in-force.js'
import { type Origin, signature } from './log-entry.js'
import { setPin } from './ledger.js'
import { comparedFromNow } from './apply-fidelity.js'
import { moveShare } from './control-share.js'
import { moveInForce } from './threshold-change.js'

/**
 * Orders pins that move in one step so that the history of each shows the rules in force before and after the whole step: removed pins come
 * first, parents before children, then new ones, children before parents.
 */
export function inStep<P extends { readonly key: string, readonly pin: Pin | null }> (pins: readonly P[]): P[] {
  const byKey = new Map(pins.map((one) => [one.key, one]))
  const ordered = byDepth(byKey.keys()).map((key) => byKey.get(key)!)
  return [...ordered.filter(({ pin }) => pin === null), ...ordered.filter(({ pin }) => pin !== null).reverse()]
}

/** Puts a pin in force, or removes it; the history has the threshold in force before and after. */
export function applyPin (fold: Fold, time: number, key: string, pin: Pin | null, origin: Origin): void {
  const last = fold.ledger.pins.get(key)
  // Of a removed pin that has expired, the history shows the threshold while it was in force.
  const ended = pin === null ? last?.expires_at ?? Infinity : Infinity
  const before = thresholdInForce(fold, key, Math.min(time, ended - 1))
  setPin(fold, key, pin)
  for (const [below, state] of statesWithin(fold, key)) {
    const restarted = { ...state, guards: comparedFromNow(fold, below, state) }
    fold.set(below, restarted)
    moveShare(fold, below, restarted, time)
  }
  if (last === undefined && pin === null) return // nothing was there
  const move = moveInForce(before, thresholdInForce(fold, key, time))
  fold.changes.push({ time, key, cause: 'pin', epoch: fold.get(key)?.epoch.number ?? 0, ...move, ...signature(origin) })
}
