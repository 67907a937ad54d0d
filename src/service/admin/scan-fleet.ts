import { setImmediate } from 'node:timers/promises'
import { periodsOf } from '../../core/stats/index.js'
import { ROOT } from '../../core/policy/index.js'
import { type ContextRow, describeRow } from '../../core/reports/index.js'
import type { Store } from '../../store/store.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Config } from '../config/config.js'
import { readSnapshotInputs } from '../snapshot/load-snapshot.js'
import { readContextKeys, readContexts } from './context-reader.js'
import type { ReadHistory } from './history.js'

/** All contexts as they were read at one time, ms. */
export interface FleetScan {
  readonly at: number
  readonly rows: readonly ContextRow[]
  /** What all of them saved over time. */
  readonly saved: ReturnType<typeof periodsOf>
}

const NOTHING_SAVED: FleetScan['saved'] = { hours: [], days: [] }

/** Contexts that are described in one turn of the event loop: about a millisecond. */
const CHUNK = 10
/** Changes that are searched for the last one of each context. */
const SEARCHED = 1000
/** Readers share a scan for at least this long, and for twenty times as long as it took: so scans take a twentieth of a core at most. */
const MIN_SCAN_AGE_MS = 500
const AGE_OF_COST = 20
/** Where a scan takes longer than this, readers get the last one while the next is made, unless the last one is too old. */
const PATIENCE_MS = 200
const MAX_AGE_MS = 60_000

/**
 * Reads all contexts. Decisions are answered between one chunk of contexts and the next. Readers share a scan; without readers there is
 * none.
 */
export function createScanner (
  store: Store, readHistory: ReadHistory, config: Config, clock: () => number = Date.now
): () => Promise<FleetScan> {
  let last: (FleetScan & { readonly costMs: number }) | null = null
  let running: Promise<FleetScan> | null = null

  async function scan (): Promise<FleetScan> {
    const at = clock()
    const reads = [readContextKeys(store, config), readSnapshotInputs(store, config, at), readHistory(SEARCHED)] as const
    const [keys, inputs, history] = await Promise.all(reads)
    const changes = new Map(history.map(({ key, time }) => [key, time] as const).reverse())
    const rows: ContextRow[] = []
    let saved = NOTHING_SAVED
    let costMs = 0
    for (let i = 0; i < keys.length; i += CHUNK) {
      const start = performance.now()
      const chunk = keys.slice(i, i + CHUNK)
      const loaded = await readContexts(store, config, chunk, inputs)
      const root = loaded.states.get(ROOT)
      if (root?.savings.history !== undefined) saved = periodsOf(root.savings.history, root.savings)
      for (const key of chunk) {
        if (loaded.states.has(key)) rows.push(describeRow(loaded, key, changes.get(key)))
      }
      costMs += performance.now() - start
      await setImmediate()
    }
    last = { at, rows, saved, costMs }
    return last
  }

  /** While the store is away, readers get the last scan, which says when it was made. */
  function lastKnown (error: unknown): FleetScan {
    if (last === null || !(error instanceof StoreUnavailableError)) throw error
    return last
  }

  return async () => {
    const age = last === null ? Infinity : clock() - last.at
    if (last !== null && age < Math.max(MIN_SCAN_AGE_MS, AGE_OF_COST * last.costMs)) return last
    running ??= scan().finally(() => { running = null })
    if (last === null || last.costMs < PATIENCE_MS || age > MAX_AGE_MS) return await running.catch(lastKnown)
    running.catch(() => {}) // the next reader sees the error
    return last
  }
}
