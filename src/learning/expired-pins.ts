import { inStep } from '../core/learn/learn-command.js'
import type { Store } from '../store/store.js'
import { ConflictError } from '../store/store-errors.js'
import { isLive, type Pin } from '../core/judgement/pin.js'

/**
 * Removes the pins that have expired. Replicas no longer honour them; this brings it to the log, and so to learned state and history.
 * Only if no pin moves meanwhile: a newer one is never removed by mistake, and what is left is found the next time.
 * @param folded the pins the learner knows of
 */
export async function endExpiredPins (store: Store, folded: ReadonlyMap<string, Pin>, now: number): Promise<void> {
  if ([...folded.values()].every((pin) => isLive(pin, now))) return
  const { policyVersion } = await store.revision()
  const expired = [...await store.pins()].filter(([, pin]) => !isLive(pin, now))
  if (expired.length === 0) return // removed already, but not folded yet
  try {
    await store.append(inStep(expired.map(([key]) => ({ type: 'pin' as const, key, pin: null, by: 'stopgate', reason: 'expired' }))), policyVersion)
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
  }
}
