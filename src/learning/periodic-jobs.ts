import { ENROLMENT_TIMES, type EnrolmentTimes } from '../core/enrolment/times.js'
import { isSilenceDue } from '../core/learn/learn-time.js'
import type { Store } from '../store/store.js'
import type { Memory } from './fold-entries.js'
import { followUpTicks } from './follow-up-ticks.js'
import { removeExpiredPins } from './remove-expired-pins.js'

/** How often to check whether silent evidence needs a tick of the log's clock, ms. */
const SILENCE_MS = 30_000
/** How often to look for expired pins, ms. */
const PINS_MS = 1000

/**
 * What a learner does from time to time. The intervals are taken from a monotonic clock, so that setting the wall clock cannot stop them.
 */
export function createPeriodicJobs (store: Store, times: EnrolmentTimes = ENROLMENT_TIMES): (memory: Memory) => Promise<void> {
  let silenceAt = performance.now() + SILENCE_MS
  let pinsAt = 0
  const isFollowUpTickDue = followUpTicks(times)
  const isTickDue = (memory: Memory): boolean => {
    if (isFollowUpTickDue(memory, performance.now())) return true
    if (performance.now() < silenceAt) return false
    silenceAt = performance.now() + SILENCE_MS
    return isSilenceDue({ ledger: memory.ledger, keys: () => memory.contexts.keys(), get: (key) => memory.contexts.get(key) }, Date.now())
  }
  return async (memory) => {
    if (isTickDue(memory)) await store.append([{ type: 'tick' }])
    if (performance.now() >= pinsAt) {
      pinsAt = performance.now() + PINS_MS
      await removeExpiredPins(store, memory.ledger.pins, Date.now())
    }
  }
}
