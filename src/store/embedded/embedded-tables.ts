import { open, type RootDatabase, type Transaction } from 'lmdb'
import type { Seen } from '../encoding/log-rows.js'
import { type Place, START } from '../log.js'
import { StoreUnavailableError } from '../store-errors.js'
import { COMPRESSION } from './compression.js'
import { PAGE_SIZE } from './data-folder.js'

export type Tables = ReturnType<typeof tablesIn>

type Meta = typeof INITIAL
export type MetaName = keyof Meta

/** The single values, as they are in a new store. */
const INITIAL = {
  state_id: '',
  /** STATE_FORMAT of the version that made the store. */
  format: 0,
  salt: '',
  version: 0,
  policy_version: 0,
  /** The version that last wrote a predictor. */
  predictors_at: 0,
  cursor: START,
  ledger: null as string | null,
  /** The follow-up clock, and the accepted enrolment lists. */
  follow_up: null as string | null,
  /** Fencing token of the newest lease. */
  token: 0,
  /** Place of the newest log entry, even if it was trimmed: ids never go back. */
  last_place: [0, 0] as Place,
  /** Numbers of the newest rows of the history and of the audit trail. */
  history: 0,
  audit: 0,
  /** Bytes of all chunks of stops. */
  stop_bytes: 0,
  /** The loss that awaits its acknowledgement; empty: none. */
  loss: '',
  /** Written to see whether the disk has room, and empty otherwise. */
  room: '',
}

/**
 * Addresses reserved for the file, bytes; no memory. When the file outgrows them, LMDB maps it again and keeps the older maps, and then
 * pages that are in several maps count several times as resident memory.
 */
const MAP_SIZE = 2 ** 30

export function openRoot (folder: string): RootDatabase {
  printNoFailedCommits()
  return open({
    path: folder,
    noSubdir: false, // otherwise LMDB takes a name with a dot for a file
    overlappingSync: false, // a commit resolves when it is on disk, not before
    eventTurnBatching: false, // otherwise a failed commit also rejects a promise that nobody handles, which ends the process
    pageSize: PAGE_SIZE,
    mapSize: MAP_SIZE,
    maxDbs: 32, // upper limit of tables
    encoding: 'msgpack',
  })
}

let isQuiet = false

/** LMDB prints each failed commit with its stack, although the write is also rejected. */
function printNoFailedCommits (): void {
  if (isQuiet) return
  isQuiet = true
  const print = console.error
  console.error = (...values: unknown[]) => {
    const [error] = values
    if (error instanceof Error && typeof (error as { code?: unknown }).code === 'number' && error.stack?.includes('/lmdb/')) return
    print(...values)
  }
}

/** Number of the last page in use. */
export const lastPageOf = (root: RootDatabase): number => (root.getStats() as { lastPageNumber: number }).lastPageNumber

export function tablesIn (root: RootDatabase) {
  const texts = <K extends Place | string | number>(name: string) => root.openDB<string, K>(name, { encoding: 'string' })
  const long = { encoding: 'string', compression: COMPRESSION } as const
  const meta = root.openDB<Meta[keyof Meta], keyof Meta>('meta', {})
  return {
    root,
    /** Entries that are not folded yet; a commit deletes those it has folded. */
    log: texts<Place>('log'),
    /** Generation id -> when its outcome came and what it waits for, within the dedup time. */
    seen: root.openDB<Seen, Buffer>('seen', { keyEncoding: 'binary' }), // ids can have any bytes, zero included
    /** The same ids by age, to find the expired ones. */
    seenAt: texts<Place>('seen_at'),
    contexts: root.openDB<string, string>('contexts', long),
    /** Outcomes that await their label or their enrolment, by generation id. */
    pending: root.openDB<string, Buffer>('pending', { keyEncoding: 'binary', encoding: 'string' }),
    /** The enrolled generations, by context key. */
    cohorts: root.openDB<string, string>('cohorts', long),
    policies: texts<string>('policies'),
    pins: texts<string>('pins'),
    /** Name -> version. */
    predictors: texts<string>('predictors'),
    /** Samples that predictors are trained on, by number. */
    reservoir: texts<number>('reservoir'),
    /** Full traces, by `<context key> <slot>`. */
    traces: texts<string>('traces'),
    /** Context key -> the version that last changed it, and the reverse index. */
    changed: root.openDB<number, string>('changed', {}),
    changedAt: root.openDB<true, [version: number, key: string]>('changed_at', {}),
    /** Day since 1970-01-01 -> the sums of all contexts. */
    savings: texts<number>('savings'),
    history: texts<number>('history'),
    audit: texts<number>('audit'),
    /** The decision log, and answers that await a label: see embedded-records.ts. */
    eventRows: root.openDB<Buffer, number>('event_rows', { encoding: 'binary' }),
    answerRows: root.openDB<Buffer, number>('answer_rows', { encoding: 'binary' }),
    /** Chunks of stops of the decision log. */
    stopRows: root.openDB<Buffer, number>('stop_rows', { encoding: 'binary' }),
    /** Name -> run, and run and suite -> series. */
    trainingRuns: root.openDB<string, Buffer>('training_runs', { keyEncoding: 'binary', encoding: 'string' }),
    trainingSeries: root.openDB<string, Buffer>('training_series', { keyEncoding: 'binary', encoding: 'string' }),
    getMeta: <K extends MetaName>(name: K, transaction?: Transaction) =>
      (meta.get(name, { transaction }) as Meta[K] | undefined) ?? INITIAL[name],
    setMeta: <K extends keyof Meta>(name: K, value: Meta[K]) => { meta.putSync(name, value) },
  }
}

/** Runs the action all or nothing; it is on disk when this resolves. A failure of LMDB becomes StoreUnavailableError. */
export async function transact<T> (root: RootDatabase, action: () => T): Promise<T> {
  try {
    return await root.childTransaction(action)
  } catch (error) {
    const { code, commitError } = error as { code?: unknown, commitError?: Promise<never> }
    if (typeof code !== 'number' && commitError === undefined) throw error // not an error of LMDB
    const cause = await commitError?.catch((reason: Error) => reason) ?? error as Error
    throw new StoreUnavailableError(`The data folder cannot be written to (its disk may be full): ${cause.message}`, { cause })
  }
}
