import type { ContextState } from '../../core/learn/index.js'
import { encodeState, readState } from '../encoding/context-states.js'
import { inTurns } from '../encoding/in-turns.js'
import { encodeDay } from '../encoding/savings-days.js'
import { HISTORY_LIMIT, START, toCursor, toPlace } from '../log.js'
import { newerFormat, STATE_FORMAT } from '../state-format.js'
import {
  encodeChange, encodeCohort, encodeFollowUp, encodeLedger, encodePending, encodeSample, encodeTrace, readLearned
} from '../encoding/stored-values.js'
import type { Commit, Learned } from '../learner-store.js'
import { LeaseLostError } from '../store-errors.js'
import type { RedisConnection } from './redis-connection.js'
import { CHANNEL, KEYS } from './redis-keys.js'

/** Up to `AT_ONCE` rows are read by one script; more are read in parts of `PART`. Cohorts are large: each counts as `COHORT_ROWS`. */
const AT_ONCE = 1000
const PART = 200
const COHORT_ROWS = 20
/** A commit of more than `LARGE` characters has a timeout of `PATIENT_MS`. */
const LARGE = 8 * 1024 * 1024
const PATIENT_MS = 30_000

/** The learner's part of the Redis store: lease, learned state, and commits, which also trim the log. */
export class RedisLearning {
  readonly #main: RedisConnection
  readonly #connect: (timeoutMs: number) => RedisConnection
  /** For large commits. */
  #patient: RedisConnection | undefined

  constructor (main: RedisConnection, connect: (timeoutMs: number) => RedisConnection) {
    this.#main = main
    this.#connect = connect
  }

  async acquireLease (holder: string, ttlMs: number): Promise<number | null> {
    const reply = await this.#main.script('acquireLease', [KEYS.lease, KEYS.leaseToken, KEYS.format], [holder, Math.ceil(ttlMs), STATE_FORMAT])
    if (typeof reply === 'string') throw newerFormat(reply)
    return reply as number | null
  }

  async renewLease (token: number, ttlMs: number): Promise<boolean> {
    return await this.#main.script('renewLease', [KEYS.lease], [token, Math.ceil(ttlMs)]) === 1
  }

  async releaseLease (token: number): Promise<void> {
    await this.#main.script('releaseLease', [KEYS.lease], [token])
  }

  /** Reads a large state in parts. Only the holder of the lease writes it; other callers check that the cursor has not moved meanwhile. */
  async learned (): Promise<Learned> {
    const keys = [KEYS.cursor, KEYS.ledger, KEYS.followUp, KEYS.contexts, KEYS.pending, KEYS.reservoir, KEYS.cohorts]
    for (let attempt = 0; attempt < 10; attempt++) {
      const reply = await this.#main.script('learned', keys, [AT_ONCE, COHORT_ROWS])
      const [cursor, ledger, follow_up, isAll, ...tables] = reply as [string | null, string | null, string | null, 0 | 1, ...string[][]]
      const [states, waiting, samples, enrolled] = tables.map((fields, i) => isAll ? paired(fields) : this.#inParts(keys[3 + i]!, fields))
      const contexts = new Map<string, ContextState>()
      for await (const [key, text] of states!) contexts.set(key, readState(text))
      const [pending, reservoir, cohorts] = [await all(waiting!), await all(samples!), await all(enrolled!)]
      const isStill = isAll || await this.#main.run((redis) => redis.get(KEYS.cursor)) === cursor
      if (!isStill) continue
      const texts = { ledger, follow_up, pending, cohorts, reservoir: reservoir.map(([number, text]) => [Number(number), text] as const) }
      return { cursor: cursor ?? START, contexts, ...await readLearned(texts) }
    }
    throw new LeaseLostError('Another learner commits')
  }

  /** Reads in parts, since one read of everything could time out every time. */
  async * #inParts (key: string, fields: readonly string[]): AsyncGenerator<[string, string]> {
    const size = key === KEYS.cohorts ? PART / COHORT_ROWS : PART
    for (let i = 0; i < fields.length; i += size) {
      const part = fields.slice(i, i + size)
      const texts = await this.#main.run((redis) => redis.hmget(key, ...part))
      for (const [j, text] of texts.entries()) if (text !== null) yield [part[j]!, text]
    }
  }

  async commit (commit: Commit): Promise<void> {
    const { token, from, to, contexts, pending, cohorts, follow_up, reservoir, traces, ledger, decisive, changes, days } = commit
    const tables = [
      await rowsOf(contexts, encodeState),
      await rowsOf(pending, encodePending),
      await rowsOf(cohorts, encodeCohort),
      await rowsOf(reservoir, encodeSample),
      await rowsOf(traces, encodeTrace),
    ]
    const ended = await Promise.all(days.map(async (one) => [one.day, await encodeDay(one)] as const))
    const [ms, sequence] = toPlace(to)
    const length = tables.reduce((sum, { written }) => written.reduce((sum, text) => sum + text.length, sum), 0)
    const connection = length > LARGE ? await this.#patientConnection() : this.#main
    const reply = await connection.script('commit', [
      KEYS.lease, KEYS.cursor, KEYS.ledger, KEYS.followUp, KEYS.version, KEYS.changed, KEYS.history, KEYS.log,
      KEYS.contexts, KEYS.pending, KEYS.cohorts, KEYS.reservoir, KEYS.traces, KEYS.savings,
    ], [
      token, from, to, toCursor([ms, sequence + 1]), ledger === null ? '' : encodeLedger(ledger), encodeFollowUp(follow_up), CHANNEL,
      HISTORY_LIMIT, decisive.length, changes.length, ...tables.flatMap(({ written, deleted }) => [written.length / 2, deleted.length]),
      ended.length,
      ...decisive, ...changes.map(encodeChange), ...tables.flatMap(({ written, deleted }) => [...written, ...deleted]), ...ended.flat(),
    ])
    if (reply === 'LEASE') throw new LeaseLostError(`Lease ${token} has ended`)
    if (reply === 'CURSOR') throw new LeaseLostError(`The cursor is no longer at ${from}`)
  }

  close (): void { this.#patient?.close() }

  /** Made when it is first needed. A policy for all of 10,000 contexts causes a commit of up to 100 MB. */
  async #patientConnection (): Promise<RedisConnection> {
    this.#patient ??= this.#connect(PATIENT_MS)
    await this.#patient.attempted()
    return this.#patient
  }
}

function * paired (flat: readonly string[]): Generator<[string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!]
}

async function all<T> (items: Iterable<T> | AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Keys and texts of written rows, in turn, and keys of deleted rows. */
async function rowsOf<K extends string | number, V> (
  rows: ReadonlyMap<K, V | undefined>, encode: (value: V) => string
): Promise<{ written: string[], deleted: string[] }> {
  const written = await inTurns([...rows], ([key, value]) => value === undefined ? [] : [String(key), encode(value)])
  return { written: written.flat(), deleted: [...rows.keys()].filter((key) => rows.get(key) === undefined).map(String) }
}
