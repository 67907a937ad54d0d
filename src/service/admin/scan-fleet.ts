import { setImmediate } from 'node:timers/promises'
import type { Snapshot } from '../../core/decide/index.js'
import { type ContextRow, decidedRow } from '../../core/reports/index.js'
import type { Store } from '../../store/store.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { AllContexts } from '../snapshot/describe-contexts.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** All contexts as they were read at one time, ms; `null`: they have never been read. */
export interface FleetScan extends Omit<AllContexts, 'rows'> {
  readonly at: number | null
  readonly rows: readonly ContextRow[]
}

const NEVER_READ: FleetScan = { at: null, rows: [], hours: [], today: [] }

/** Contexts of which it is said in one turn how they are decided: about a millisecond. */
const DECIDED_CHUNK = 200
/** Readers share a scan for at least this long, and for twenty times as long as it took: so scans take a twentieth of a core at most. */
const MIN_SCAN_AGE_MS = 500
const AGE_OF_COST = 20
/** Where a scan takes longer than this, readers get the last one while the next is made, unless the last one is too old. */
const PATIENCE_MS = 200
const MAX_AGE_MS = 30_000

export interface ScannerServices {
  readonly store: Pick<Store, 'isUp'>
  /** Reads all contexts, see `describeContexts`. */
  readonly describe: (at: number) => Promise<AllContexts>
  readonly snapshotHolder: Pick<SnapshotHolder, 'freshness' | 'isPaused' | 'loaded' | 'problem' | 'snapshot'>
  readonly clock?: () => number
}

/** The modes and thresholds of a snapshot with the figures of a scan. */
interface DecidedScan {
  readonly scan: FleetScan
  readonly snapshot: Snapshot
  readonly isTooOld: boolean
  readonly result: Promise<FleetScan>
}

/**
 * Reads all contexts. Readers share a scan; without readers there is none. Where this replica may decide otherwise than the store says,
 * modes and thresholds are those of its snapshot.
 */
export function createScanner (services: ScannerServices): () => Promise<FleetScan> {
  const { store, describe, snapshotHolder, clock = Date.now } = services
  let last: (FleetScan & { readonly at: number, readonly costMs: number }) | null = null
  let running: Promise<FleetScan> | null = null
  let decided: DecidedScan | null = null

  async function scan (): Promise<FleetScan> {
    const at = clock()
    const start = performance.now()
    last = { at, ...await describe(at), costMs: performance.now() - start }
    return last
  }

  /** The last scan, for readers who come while the store is away. */
  function lastKnown (error: unknown): FleetScan {
    if (!(error instanceof StoreUnavailableError)) throw error
    return last ?? NEVER_READ
  }

  async function read (): Promise<FleetScan> {
    const age = last === null ? Infinity : clock() - last.at
    if (last !== null && age < Math.min(MAX_AGE_MS, Math.max(MIN_SCAN_AGE_MS, AGE_OF_COST * last.costMs))) return last
    running ??= scan().finally(() => { running = null })
    if (last === null || last.costMs < PATIENCE_MS || age > MAX_AGE_MS) return await running.catch(lastKnown)
    running.catch(() => {}) // the next reader sees the error
    return last
  }

  /** Whether this replica may decide otherwise than the store says. */
  function decidesAlone (): boolean {
    return !store.isUp() || snapshotHolder.isPaused() || snapshotHolder.problem() !== null || snapshotHolder.freshness() === 'too_old'
  }

  /** The scan with the modes and thresholds by which this replica decides. */
  async function asDecided ({ scan, snapshot, isTooOld }: Omit<DecidedScan, 'result'>): Promise<FleetScan> {
    const { links } = snapshotHolder.loaded()
    const rows = new Map(scan.rows.map((row) => [row.key, row]))
    const keys = [...links.values()].filter(({ epochName }) => epochName !== null).map(({ key }) => key)
    for (let i = 0; i < keys.length; i += DECIDED_CHUNK) {
      for (const key of keys.slice(i, i + DECIDED_CHUNK)) rows.set(key, decidedRow(snapshot, links, isTooOld, key, rows.get(key)))
      await setImmediate()
    }
    return { ...scan, rows: [...rows.values()] }
  }

  return async () => {
    const scan = await read()
    if (!decidesAlone()) return scan
    const now = { scan, snapshot: snapshotHolder.snapshot(), isTooOld: snapshotHolder.freshness() === 'too_old' }
    if (decided?.scan !== scan || decided.snapshot !== now.snapshot || decided.isTooOld !== now.isTooOld) {
      decided = { ...now, result: asDecided(now) }
    }
    return await decided.result
  }
}
