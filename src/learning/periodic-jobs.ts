import { isTickDue } from '../core/learn/learn-time.js'
import type { Store } from '../store/store.js'
import type { Memory } from './fold-entries.js'
import { removeExpiredPins } from './remove-expired-pins.js'

/** How often to check whether silent evidence needs a tick of the log's clock, ms. */
const TICK_MS = 30_000
/** How often to look for expired pins, ms. */
const PINS_MS = 1000

/**
 * What a learner does from time to time. The intervals are taken from a monotonic clock, so that setting the wall clock cannot stop them.
 */
export function createPeriodicJobs (store: Store): (memory: Memory) => Promise<void> {
  let tickAt = performance.now() + TICK_MS
  let pinsAt = 0
  return async (memory) => {
    if (performance.now() >= tickAt) {
      tickAt = performance.now() + TICK_MS
      const isDue = isTickDue({ ...memory, keys: () => memory.contexts.keys(), get: (key) => memory.contexts.get(key) }, Date.now())
      if (isDue) await store.append([{ type: 'tick' }])
    }
    if (performance.now() >= pinsAt) {
      pinsAt = performance.now() + PINS_MS
      await removeExpiredPins(store, memory.ledger.pins, Date.now())
    }
  }
}
