import { inStep } from '../core/learn/learn-command.js'
import type { Store } from '../store/store.js'
import { ConflictError } from '../store/store-errors.js'
import { isLive, type Pin } from '../core/judgement/pin.js'

/**
 * Removes expired pins through the log, so that learned state and history show it; replicas ignore them already. If any policy or pin
 * changes meanwhile, nothing is removed until the next call: a newer pin is never removed by mistake.
 * @param ledgerPins the pins as the learner has folded them
 * @param now ms since 1970
 */
export async function removeExpiredPins (store: Store, ledgerPins: ReadonlyMap<string, Pin>, now: number): Promise<void> {
  if ([...ledgerPins.values()].every((pin) => isLive(pin, now))) return
  const { policyVersion } = await store.revision()
  const expired = [...await store.pins()].filter(([, pin]) => !isLive(pin, now))
  if (expired.length === 0) return // already removed, but not folded yet
  try {
    await store.append(inStep(expired.map(([key]) => ({ type: 'pin' as const, key, pin: null, by: 'stopgate', reason: 'expired' }))), policyVersion)
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
  }
}
