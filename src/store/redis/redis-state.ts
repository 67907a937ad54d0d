import { setTimeout } from 'node:timers/promises'
import { dayOf } from '../../core/stats/index.js'
import type { TrainingRun } from '../../core/training/index.js'
import { readReplaced, type Seen } from '../encoding/log-rows.js'
import { readRow } from '../encoding/state-file.js'
import { START, toPlace } from '../log.js'
import { checkFormat, metaRows, newerFormat, type SortedState, STATE_FORMAT, type StateRow, type StateTable } from '../state-format.js'
import { isAuditRow } from '../encoding/stored-schemas.js'
import { decodeRun, encodeRun } from '../encoding/stored-values.js'
import { StoreTakenError, StoreUnavailableError } from '../store-errors.js'
import type { AuditRow } from '../store.js'
import type { RedisConnection } from './redis-connection.js'
import { CHANNEL, KEYS, RECENT, seenKey, STAGED, STAGED_SAVINGS, STATE_KEYS } from './redis-keys.js'
import type { RememberedIds } from './redis-remembered.js'

/** Rows in one command. */
const CHUNK = 500
/** Attempts to find a millisecond in which no entry was appended. */
const ATTEMPTS = 500
/** The value of a remembered id: when its outcome came (ms), what it waits for, and the number of its steps. */
const SEEN = /^(\d+) (\d) (\d+)$/

type Pairs = readonly string[]

type Stream = ReadonlyArray<[id: string, fields: string[]]>

/** Exports and imports the state in Redis. */
export class RedisState {
  readonly #connection: RedisConnection
  readonly #dedupMs: number
  readonly #remembered: RememberedIds | null

  /** @param remembered `null`: all ids have keys beside the log */
  constructor (connection: RedisConnection, dedupMs: number, remembered: RememberedIds | null) {
    this.#connection = connection
    this.#dedupMs = dedupMs
    this.#remembered = remembered
  }

  /** Exports the state of a moment between two milliseconds; the ids that were seen before that moment belong to it. */
  async * export (): AsyncIterable<StateRow> {
    const { now, last, values, tables, streams } = await this.#moment()
    const [salt, version, policyVersion, cursor, ledger, followUp, format, stateId] = values
    checkFormat(Number(format))
    yield * metaRows({
      salt: salt!,
      version: Number(version ?? 0),
      policy_version: Number(policyVersion ?? 0),
      cursor: cursor ?? START,
      last_id: last,
    })
    yield readRow('meta', 'ledger', ledger ?? 'null')
    yield readRow('meta', 'follow_up', followUp ?? 'null')
    const names = STATE_ORDER.slice(0, STATE_ORDER.indexOf('changed'))
    for (const [i, table] of names.entries()) {
      for (const [key, text] of pairsOf(tables[i]!)) yield readRow(table, key, text, table === 'training_runs' ? decodeRun : JSON.parse)
    }
    for (const [key, version] of pairsOf(tables[names.length]!)) yield { table: 'changed', key, value: Number(version) }
    const [log, history, audit] = streams
    for (const [key, [, entry]] of log!) yield readRow('log', key, entry!)
    for (const [key, [, change, , version]] of history!) {
      yield readRow('history', key, change!, (text) => ({ ...JSON.parse(text), version: Number(version) }))
    }
    for (const [key, [, command, , version, , replaced]] of audit!) {
      yield readRow('audit', key, command!, (text) => {
        const made = JSON.parse(text)
        return { time: toPlace(key)[0], version: Number(version), command: made, replaced: readReplaced(made, replaced!) }
      })
    }
    yield * this.#savingsBefore(now)
    if (this.#remembered === null) yield * this.#seenBefore(now)
    else for await (const pair of this.#remembered.all(stateId ?? '')) yield * this.#seen(now, pair)
  }

  async #moment () {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const reply = await this.#connection.script('exportState', [
        ...STATE_KEYS, KEYS.salt, KEYS.version, KEYS.policyVersion, KEYS.cursor, KEYS.ledger, KEYS.followUp, KEYS.format, KEYS.stateId,
      ], [])
      if (reply === 'AGAIN') {
        await setTimeout(Math.random() * 5)
        continue
      }
      const [now, last, values, tables, streams] = reply as [number, string, Array<string | null>, Pairs[], Stream[]]
      return { now, last, values, tables, streams }
    }
    throw new StoreUnavailableError('Redis has entries with a time in the future, since its clock was set back: export again later')
  }

  /** The days that were over at a moment. They change no more, so they are read one by one: a year of many contexts is large. */
  async * #savingsBefore (now: number): AsyncIterable<StateRow> {
    const days = await this.#connection.run((redis) => redis.hkeys(KEYS.savings))
    for (const day of days.filter((day) => Number(day) < dayOf(now)).sort((a, b) => Number(a) - Number(b))) {
      const text = await this.#connection.run((redis) => redis.hget(KEYS.savings, day))
      if (text !== null) yield readRow('savings', day, text, String)
    }
  }

  async * #seenBefore (now: number): AsyncIterable<StateRow> {
    const prefix = seenKey('')
    let cursor = '0'
    do {
      const [next, keys] = await this.#connection.run((redis) => redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000))
      cursor = next
      const values = keys.length === 0 ? [] : await this.#connection.run((redis) => redis.mget(keys))
      for (const [i, value] of values.entries()) if (value !== null) yield * this.#seen(now, [keys[i]!.slice(prefix.length), value])
    } while (cursor !== '0')
  }

  /** The row of a remembered id, unless it came after the moment or is forgotten. */
  * #seen (now: number, [key, value]: readonly [id: string, value: string]): Iterable<StateRow> {
    const row = { table: 'seen', key } as const
    const [, ms, waits, steps] = SEEN.exec(value) ?? []
    if (ms === undefined) yield { ...row, value: undefined, damaged: `it is ${JSON.stringify(value.slice(0, 64))}` }
    else if (Number(ms) < now && Number(ms) > now - this.#dedupMs) yield { ...row, value: [Number(ms), Number(waits), Number(steps)] }
  }

  /** Stages everything under keys that nothing reads; then one script puts it in place. */
  async import ({ meta, rows }: SortedState, replaces: boolean, stateId: string): Promise<void> {
    const staged = [...STAGED, STAGED_SAVINGS]
    await this.#connection.run((redis) => redis.unlink(staged)) // leftovers of an import that was killed
    const text = ({ value }: StateRow) => JSON.stringify(value)
    for (const table of ['contexts', 'pending', 'cohorts', 'policies', 'pins', 'predictors', 'reservoir', 'traces', 'training_series'] as const) {
      await this.#stage(table, rows[table], text)
    }
    await inChunks(rows.savings, (some) => this.#connection.run((redis) =>
      redis.hset(STAGED_SAVINGS, ...some.flatMap(({ key, value }) => [key, String(value)]))))
    await this.#stage('training_runs', rows.training_runs, ({ value }) => encodeRun(value as TrainingRun))
    await this.#stage('seen', rows.seen, ({ value }) => (value as Seen).join(' '))
    await inChunks(rows.changed, (some) => this.#connection.run((redis) =>
      redis.zadd(stagedKey('changed'), ...some.flatMap(({ key, value }) => [value as number, key]))))
    await this.#append('log', rows.log.map((row) => [row.key, 'entry', text(row)]))
    await this.#append('history', rows.history.map(({ value }, i) => {
      const { version, ...change } = (value ?? {}) as { version?: number }
      return [`${i + 1}-0`, 'change', JSON.stringify(change), 'version', String(version)]
    }))
    let at = 0 // an unreadable row may have no usable time
    await this.#append('audit', rows.audit.map(({ value }, i) => {
      const isWhole = isAuditRow(value)
      const { time, version, command, replaced } = (isWhole ? value : {}) as Partial<AuditRow>
      if (isWhole) at = Math.max(at, Math.trunc(time!))
      return [`${at}-${i + 1}`, 'entry', JSON.stringify(command ?? null), 'version', String(version), 'replaced', JSON.stringify(replaced ?? null)]
    }))
    if (rows.log.at(-1)?.key !== meta.last_id && meta.last_id !== START) { // so that ids continue from there
      await this.#append('log', [[meta.last_id, 'entry', '']])
      await this.#connection.run((redis) => redis.xdel(stagedKey('log'), meta.last_id))
    }
    const counts = [...STATE_ORDER, 'seen' as const].map((table) => rows[table].length)
    const reply = await this.#connection.script('importState', [
      ...STATE_KEYS, ...STAGED,
      KEYS.salt, KEYS.version, KEYS.policyVersion, KEYS.cursor, KEYS.ledger, KEYS.followUp, KEYS.stateId, KEYS.lease,
      KEYS.format, KEYS.recentAt, ...RECENT, KEYS.savings, STAGED_SAVINGS,
    ], [
      replaces ? 1 : 0, seenKey(''), this.#dedupMs, CHANNEL,
      meta.salt, meta.version, meta.policy_version, meta.cursor, orNothing(meta.ledger), orNothing(meta.follow_up), stateId,
      ...counts, STATE_FORMAT, this.#remembered === null ? 0 : 1, rows.savings.length,
    ])
    if (reply === 'TAKEN') throw new StoreTakenError()
    if (reply === 'TORN') throw new Error('another import runs at the same time: nothing was imported, import again')
    if (reply !== 'OK') throw newerFormat(reply as string)
  }

  async #stage (table: StateTable, rows: readonly StateRow[], text: (row: StateRow) => string): Promise<void> {
    await inChunks(rows, (some) => this.#connection.run((redis) =>
      redis.hset(stagedKey(table), ...some.flatMap((row) => [row.key, text(row)]))))
  }

  async #append (table: StateTable, rows: ReadonlyArray<[id: string, ...fields: string[]]>): Promise<void> {
    await inChunks(rows, async (some) => {
      await Promise.all(some.map(([id, ...fields]) => this.#connection.run((redis) => redis.xadd(stagedKey(table), id, ...fields))))
    })
  }
}

/** The tables in the order of STATE_KEYS. */
const STATE_ORDER = [
  'contexts', 'pending', 'cohorts', 'policies', 'pins', 'predictors', 'reservoir', 'traces', 'training_runs',
  'training_series', 'changed', 'log', 'history', 'audit',
] as const satisfies readonly StateTable[]

function orNothing (value: unknown): string { return value === null ? '' : JSON.stringify(value) }

function stagedKey (table: StateTable): string {
  return STAGED[table === 'seen' ? STATE_ORDER.length : STATE_ORDER.indexOf(table as typeof STATE_ORDER[number])]!
}

function pairsOf (flat: Pairs): Array<[key: string, value: string]> {
  return flat.flatMap((key, i) => i % 2 === 0 ? [[key, flat[i + 1]!]] : [])
}

async function inChunks<T> (items: readonly T[], each: (some: readonly T[]) => Promise<unknown>): Promise<void> {
  for (let i = 0; i < items.length; i += CHUNK) await each(items.slice(i, i + CHUNK))
}
