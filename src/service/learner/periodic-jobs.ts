import { isLive, type Pin } from '../../core/policy/index.js'
import type { EnrolmentTimes } from '../../core/evidence/index.js'
import { inStep, isExpiryDue, isFollowUpDue, SERVICE } from '../../core/learn/index.js'
import { ConflictError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import type { LearnerState } from './fold-entries.js'

/** How often to check whether silent evidence, or the end of a hold, needs a tick of the log's clock, ms. */
const EXPIRY_MS = 30_000
/** How often to look for expired pins, ms. */
const PINS_MS = 1000

/**
 * The periodic jobs of a learner. Intervals are measured by a monotonic clock, so that setting the wall clock cannot stop them.
 */
export function createPeriodicJobs (store: Store, times: EnrolmentTimes): (memory: LearnerState) => Promise<void> {
  let expiryAt = performance.now() + EXPIRY_MS
  let pinsAt = 0
  const isFollowUpTickDue = followUpTicks(times)
  const isTickDue = (memory: LearnerState): boolean => {
    if (isFollowUpTickDue(memory, performance.now())) return true
    if (performance.now() < expiryAt) return false
    expiryAt = performance.now() + EXPIRY_MS
    return isExpiryDue({ ledger: memory.ledger, keys: () => memory.contexts.keys(), get: (key) => memory.contexts.get(key) }, Date.now())
  }
  return async (memory) => {
    if (isTickDue(memory)) await store.append([{ type: 'tick' }])
    if (performance.now() >= pinsAt) {
      pinsAt = performance.now() + PINS_MS
      await removeExpiredPins(store, memory.ledger.pins, Date.now())
    }
  }
}

/** In a quiet service a tick comes after this part of the longest gap that the follow-up clock counts in full. */
const GAP_PART = 0.8

/**
 * Decides when a tick must advance the follow-up clock: once per `look` at most, if that ends a slice, a follow-up or a wait, or makes a
 * look at the evidence due; and before a gap in the log stops the clock while a follow-up is under way.
 * @returns whether to append a tick now; if so, it counts as appended
 */
export function followUpTicks (times: Pick<EnrolmentTimes, 'look' | 'longestGap'>): (memory: LearnerState, now: number) => boolean {
  const { look, longestGap } = times
  let cursor: string | null = null
  let movedAt = -Infinity
  let tickAt = -Infinity
  return (memory, now) => {
    if (memory.cursor !== cursor) {
      cursor = memory.cursor
      movedAt = now
    }
    if (now < tickAt + look || !memory.cohorts.isUnderWay) return false
    const quiet = now - movedAt
    if (quiet < GAP_PART * longestGap && !isFollowUpDue(memory, memory.cohorts.clock + quiet, times)) return false
    tickAt = now
    return true
  }
}

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
    await store.append(inStep(expired.map(([key]) => ({ type: 'pin' as const, key, pin: null, by: SERVICE, reason: 'expired' }))), policyVersion)
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error
  }
}
