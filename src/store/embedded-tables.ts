import { open, type Database, type RootDatabase } from 'lmdb'
import { PAGE_SIZE } from './data-folder-check.js'
import { START, type Place, type Seen } from './encoding.js'
import type { Cursor } from './cursor.js'

/** The single values. */
export interface Meta {
  state_id: string
  /** STATE_FORMAT of the version that made the store. */
  format: number
  salt: string
  version: number
  policy_version: number
  /** The version that last wrote a predictor. */
  predictors_at: number
  cursor: Cursor
  ledger: string | null
  /** The clock that cohorts go by, and the enrolment lists that were taken in. */
  follow_up: string | null
  /** Fencing token of the newest lease. */
  token: number
  /** Place of the newest log entry, even if it was trimmed: ids never go back. */
  last_place: Place
  /** Numbers of the newest rows of the history and of the audit trail. */
  history: number
  audit: number
  /** Written to see whether the disk has room, and empty otherwise. */
  room: string
}

const INITIAL: Meta = {
  state_id: '',
  format: 0,
  salt: '',
  version: 0,
  policy_version: 0,
  predictors_at: 0,
  cursor: START,
  ledger: null,
  follow_up: null,
  token: 0,
  last_place: [0, 0],
  history: 0,
  audit: 0,
  room: '',
}

export interface Tables {
  readonly root: RootDatabase
  /** Entries that are not folded yet; a commit deletes those it has folded. */
  readonly log: Database<string, Place>
  /** Generation id -> when its outcome came and what it waits for, within the dedup time. */
  readonly seen: Database<Seen, Buffer>
  /** The same ids by age, to find the expired ones. */
  readonly seenAt: Database<string, Place>
  readonly contexts: Database<string, string>
  /** Outcomes that await their label or their enrolment, by generation id. */
  readonly pending: Database<string, Buffer>
  /** Whoever is enrolled, by context key. */
  readonly cohorts: Database<string, string>
  readonly policies: Database<string, string>
  readonly pins: Database<string, string>
  /** Name -> version. */
  readonly predictors: Database<string, string>
  /** Samples that predictors are trained on, by number. */
  readonly reservoir: Database<string, number>
  /** Full traces, by `<context key> <slot>`. */
  readonly traces: Database<string, string>
  /** Context key -> the version that last changed it, and the reverse index. */
  readonly changed: Database<number, string>
  readonly changedAt: Database<true, [version: number, key: string]>
  readonly history: Database<string, number>
  readonly audit: Database<string, number>
  /** Segments of the log of recorded steps. */
  readonly recordSegments: Database<Buffer, number>
  /** Segments of the decision log. */
  readonly eventSegments: Database<Buffer, number>
  /** Name -> run, and run and suite -> series. */
  readonly trainingRuns: Database<string, Buffer>
  readonly trainingSeries: Database<string, Buffer>
  readonly getMeta: <K extends keyof Meta>(name: K) => Meta[K]
  readonly setMeta: <K extends keyof Meta>(name: K, value: Meta[K]) => void
}

/**
 * Addresses reserved for the file, bytes; no memory. When the file outgrows them, LMDB maps it anew and keeps the older maps, and then
 * pages that are in several maps count several times as resident memory.
 */
const MAP_SIZE = 2 ** 30

export function openTables (folder: string): Tables {
  const root = open({
    path: folder,
    noSubdir: false, // otherwise LMDB takes a name with a dot for a file
    overlappingSync: false, // a commit resolves when it is on disk, not before
    eventTurnBatching: false, // otherwise a failed commit also rejects a promise that nobody handles, which ends the process
    pageSize: PAGE_SIZE,
    mapSize: MAP_SIZE,
    maxDbs: 32, // upper limit of tables
    encoding: 'msgpack',
  })
  const texts = <K extends Place | string | number>(name: string) => root.openDB<string, K>(name, { encoding: 'string' })
  const meta = root.openDB<Meta[keyof Meta], keyof Meta>('meta', {})
  return {
    root,
    log: texts('log'),
    seen: root.openDB('seen', { keyEncoding: 'binary' }), // ids can have any bytes, zero included
    seenAt: texts('seen_at'),
    contexts: texts('contexts'),
    pending: root.openDB('pending', { keyEncoding: 'binary', encoding: 'string' }),
    cohorts: texts('cohorts'),
    policies: texts('policies'),
    pins: texts('pins'),
    predictors: texts('predictors'),
    reservoir: texts('reservoir'),
    traces: texts('traces'),
    changed: root.openDB('changed', {}),
    changedAt: root.openDB('changed_at', {}),
    history: texts('history'),
    audit: texts('audit'),
    recordSegments: root.openDB('step_segments', { encoding: 'binary' }),
    eventSegments: root.openDB('event_segments', { encoding: 'binary' }),
    trainingRuns: root.openDB('training_runs', { keyEncoding: 'binary', encoding: 'string' }),
    trainingSeries: root.openDB('training_series', { keyEncoding: 'binary', encoding: 'string' }),
    getMeta: <K extends keyof Meta>(name: K) => (meta.get(name) as Meta[K] | undefined) ?? INITIAL[name],
    setMeta: (name, value) => { meta.putSync(name, value) },
  }
}
