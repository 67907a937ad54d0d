import type { ContextState } from '../core/judgement/context-state.js'
import {
  encodeChange, encodeLedger, encodePending, encodeSample, encodeState, HISTORY_LIMIT, inTurns, START, toCursor, toPlace,
} from './encoding.js'
import { readLearned } from './read-stored.js'
import type { RedisConnection } from './redis-connection.js'
import { CHANNEL, KEYS } from './redis-keys.js'
import { newerFormat, STATE_FORMAT } from './state-format.js'
import type { Commit, Learned } from './store.js'
import { readState } from './unreadable-state.js'
import { LeaseLostError } from './store-errors.js'

/** Up to `AT_ONCE` contexts, outcomes and samples are read by one script; more are read in parts of `PART`. */
const AT_ONCE = 1000
const PART = 200
/** A commit of more than `LARGE` characters has a timeout of `PATIENT_MS`. */
const LARGE = 8 * 1024 * 1024
const PATIENT_MS = 30_000

/** The learner's part of the Redis store without the log: lease, learned state and commits. */
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
    const keys = [KEYS.cursor, KEYS.ledger, KEYS.contexts, KEYS.pending, KEYS.reservoir]
    for (let attempt = 0; attempt < 10; attempt++) {
      const reply = await this.#main.script('learned', keys, [AT_ONCE])
      const [cursor, ledger, isAll, ...tables] = reply as [string | null, string | null, 0 | 1, string[], string[], string[]]
      const [states, waiting, kept] = tables.map((fields, i) => isAll ? paired(fields) : this.#inParts(keys[2 + i]!, fields))
      const contexts = new Map<string, ContextState>()
      for await (const [key, text] of states!) contexts.set(key, readState(text))
      const pending: Array<[string, string]> = []
      for await (const one of waiting!) pending.push(one)
      const samples: Array<[number, string]> = []
      for await (const [number, text] of kept!) samples.push([Number(number), text])
      const isStill = isAll || await this.#main.run((redis) => redis.get(KEYS.cursor)) === cursor
      if (isStill) return { cursor: cursor ?? START, contexts, ...await readLearned(ledger, pending, samples) }
    }
    throw new LeaseLostError('Another learner commits')
  }

  /** Reads in parts, since one read of everything could time out every time. */
  async * #inParts (key: string, fields: readonly string[]): AsyncGenerator<[string, string]> {
    for (let i = 0; i < fields.length; i += PART) {
      const part = fields.slice(i, i + PART)
      const texts = await this.#main.run((redis) => redis.hmget(key, ...part))
      for (const [j, text] of texts.entries()) if (text !== null) yield [part[j]!, text]
    }
  }

  async commit ({ token, from, to, contexts, pending, reservoir, ledger, decisive, changes }: Commit): Promise<void> {
    const states = await inTurns([...contexts], ([key, state]) => state === undefined ? [] : [key, encodeState(state)])
    const deleted = [...contexts.keys()].filter((key) => contexts.get(key) === undefined)
    const waiting = await inTurns([...pending], ([id, outcome]) => outcome === undefined ? [] : [id, encodePending(outcome)])
    const settled = [...pending.keys()].filter((id) => pending.get(id) === undefined)
    const samples = await inTurns([...reservoir], ([number, sample]) => sample === undefined ? [] : [number, encodeSample(sample)])
    const removed = [...reservoir.keys()].filter((number) => reservoir.get(number) === undefined)
    const [ms, sequence] = toPlace(to)
    const length = [...states, ...waiting, ...samples].reduce((sum, [, text = '']) => sum + String(text).length, 0)
    const connection = length > LARGE ? await this.#patientConnection() : this.#main
    const reply = await connection.script('commit', [
      KEYS.lease, KEYS.cursor, KEYS.contexts, KEYS.ledger, KEYS.version, KEYS.changed, KEYS.history, KEYS.log, KEYS.pending,
      KEYS.reservoir,
    ], [
      token, from, to, toCursor([ms, sequence + 1]), ledger === null ? '' : encodeLedger(ledger), CHANNEL, HISTORY_LIMIT,
      contexts.size - deleted.length, deleted.length, decisive.length, changes.length, pending.size - settled.length, settled.length,
      reservoir.size - removed.length, removed.length,
      ...states.flat(), ...deleted, ...decisive, ...changes.map(encodeChange), ...waiting.flat(), ...settled,
      ...samples.flat(), ...removed,
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
