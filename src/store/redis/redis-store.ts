import { randomUUID } from 'node:crypto'
import type { KeptTrace, SavingsSums } from '../../core/stats/index.js'
import type { ContextState, LogEntry } from '../../core/learn/index.js'
import type { Pin, PolicyPatch } from '../../core/policy/index.js'
import type { PredictorVersion } from '../../core/scores/index.js'
import { readState } from '../encoding/context-states.js'
import { datedCommands, readChanges, readCommand, readLoss, readReplaced } from '../encoding/log-rows.js'
import { PredictorCache } from '../encoding/predictor-cache.js'
import { decodeDay } from '../encoding/savings-days.js'
import { type Appended, type Cursor, logLimits, type LogLimits, type StoredEntry, toPlace } from '../log.js'
import { checkFormat, type SortedState, type StateRow } from '../state-format.js'
import type { StoredCohort } from '../../core/evidence/index.js'
import { readCohorts, readPin, readPolicy, readKeptTraces, traceNames } from '../encoding/stored-values.js'
import { ANSWER_LIMITS, EVENT_LIMITS, type RecordLimits } from '../event-store.js'
import type { Commit, Learned } from '../learner-store.js'
import { STOP_LIMITS, type StopLimits } from '../stop-store.js'
import type { AuditRow, HistoryRow, Revision, Store, StoreLoss } from '../store.js'
import { redisAddress, type RedisHost, type RedisTls } from './redis-address.js'
import { RedisConnection } from './redis-connection.js'
import { answerKeys, CHANNEL, eventKeys, KEYS } from './redis-keys.js'
import { RedisLearning } from './redis-learning.js'
import { RedisLog } from './redis-log.js'
import { PARTITIONS, RedisPartitions } from './redis-partitions.js'
import { RedisRecords } from './redis-records.js'
import { BUCKET_MS, RememberedIds } from './redis-remembered.js'
import { RedisReplicas, redisWarnings, refusalWarnings } from './redis-replicas.js'
import { RedisState } from './redis-state.js'
import { RedisStops } from './redis-stops.js'
import { RedisTrainingRuns } from './redis-training-runs.js'

export interface RedisOptions extends Partial<LogLimits> {
  readonly url: string
  /** Timeout of a command, ms. */
  readonly timeoutMs: number
  /** Used if the URL asks for TLS. */
  readonly tls?: RedisTls
  /** How many replicas must have an append or a training report before it is acknowledged; default 0. */
  readonly waitReplicas?: number
  /** Limits of the decision log. */
  readonly events?: Partial<RecordLimits>
  /** Limits of the answers that await a label. */
  readonly answers?: Partial<RecordLimits>
  /** Limits of its stops. */
  readonly stops?: Partial<StopLimits>
  /** Number of partitions; default 64 in a Cluster, elsewhere 0: everything has the hash tag of the log. */
  readonly partitions?: number
  /** How long ids stay beside the log before they are moved to the partitions, ms; default 30,000. */
  readonly bucketMs?: number
}

/** A store in Redis, for any number of processes. */
export class RedisStore implements Store {
  readonly kind = 'redis'
  readonly #main: RedisConnection
  readonly #subscriber: RedisConnection
  readonly #replicas: RedisReplicas
  readonly #partitions: RedisPartitions
  readonly #remembered: RememberedIds | null
  readonly #log: RedisLog
  readonly #learning: RedisLearning
  readonly trainingRuns: RedisTrainingRuns
  readonly events: RedisRecords
  readonly answers: RedisRecords
  readonly stops: RedisStops
  readonly #state: RedisState
  readonly #predictors = new PredictorCache()
  readonly #listeners: Array<(isRegained: boolean) => void> = []
  #subscribed = Promise.resolve()

  private constructor (options: RedisOptions) {
    const { url, timeoutMs, tls } = options
    const limits = logLimits(options)
    const connect = (timeoutMs: number) => new RedisConnection(url, timeoutMs, tls)
    this.#main = connect(timeoutMs)
    this.#subscriber = connect(timeoutMs)
    this.#replicas = new RedisReplicas(url, options.waitReplicas ?? 0, timeoutMs, tls)
    const { isCluster, hosts: seeds } = redisAddress(url)
    const { partitions: count = isCluster ? PARTITIONS : 0, bucketMs = BUCKET_MS } = options
    const toNode = isCluster ? (node: RedisHost) => new RedisConnection(url, timeoutMs, tls, node) : null
    const partitions = () => new RedisPartitions({ main: this.#main, count, connect: toNode, seeds })
    this.#partitions = partitions()
    this.#remembered = count === 0
      ? null
      : new RememberedIds({
        main: this.#main,
        partitions: this.#partitions,
        movers: partitions(),
        replicas: this.#replicas,
        dedupMs: limits.dedupSeconds * 1000,
        bucketMs,
      })
    const remembered = this.#remembered
    this.#log = new RedisLog({ main: this.#main, reader: connect(timeoutMs), replicas: this.#replicas, remembered, limits, timeoutMs })
    this.#learning = new RedisLearning(this.#main, connect)
    this.events = new RedisRecords(this.#partitions, eventKeys, { ...EVENT_LIMITS, ...options.events })
    this.answers = new RedisRecords(this.#partitions, answerKeys, { ...ANSWER_LIMITS, ...options.answers })
    this.stops = new RedisStops(this.#main, { ...STOP_LIMITS, ...options.stops })
    this.trainingRuns = new RedisTrainingRuns(this.#main, this.#replicas)
    this.#state = new RedisState(this.#main, limits.dedupSeconds * 1000, remembered)
    this.#main.redis.on('ready', () => { this.#notify(true) })
    this.#subscriber.redis.on('message', () => { this.#notify() })
    this.#subscriber.redis.on('ready', () => { this.#subscribed = this.#subscribe() })
  }

  /** Resolves once connected, or once the first attempt has failed. The store then connects when it can. */
  static async open (options: RedisOptions): Promise<RedisStore> {
    const store = new RedisStore(options)
    await Promise.all([store.#main, store.#log, store.#subscriber, store.#replicas].map((connection) => connection.attempted()))
    await store.#subscribed
    return store
  }

  isUp (): boolean { return this.#main.isUp() && this.#partitions.isUp() && this.#replicas.problem() === null }
  async warnings (): Promise<string[]> {
    const warnings = await redisWarnings(new Set([this.#main, ...await this.#partitions.nodes().catch(() => [])]))
    const parts = [this.#replicas, this.#partitions, this.#remembered]
    return [...refusalWarnings(this.#main.refusal()), ...warnings, ...parts.flatMap((part) => part?.warnings() ?? [])]
  }

  append (entries: readonly LogEntry[], ifPolicyVersion?: number): Promise<Appended[]> { return this.#log.append(entries, ifPolicyVersion) }
  read (after: Cursor, limit: number, waitMs: number): Promise<StoredEntry[]> { return this.#log.read(after, limit, waitMs) }

  acquireLease (holder: string, ttlMs: number): Promise<number | null> { return this.#learning.acquireLease(holder, ttlMs) }
  renewLease (token: number, ttlMs: number): Promise<boolean> { return this.#learning.renewLease(token, ttlMs) }
  releaseLease (token: number): Promise<void> { return this.#learning.releaseLease(token) }
  learned (): Promise<Learned> { return this.#learning.learned() }
  async commit (commit: Commit): Promise<void> {
    await this.#learning.commit(commit)
    this.#remembered?.due()
  }

  async revision (): Promise<Revision> {
    const keys = [KEYS.stateId, KEYS.salt, KEYS.version, KEYS.policyVersion, KEYS.log, KEYS.format, KEYS.loss]
    const reply = await this.#main.script('revision', keys, [randomUUID(), randomUUID()])
    const [stateId, salt, version, policyVersion, lag, lagMs, format, loss] =
      reply as [string, string, string, string, number, number, string, string]
    checkFormat(Number(format))
    await this.#main.retryWrite()
    this.#partitions.retry().catch(() => {}) // shows in isUp
    return { stateId, salt, version: Number(version), policyVersion: Number(policyVersion), lag, lagMs, loss: loss === '' ? null : readLoss(loss) }
  }

  async noteLoss (loss: StoreLoss): Promise<void> {
    await this.#main.run((redis) => redis.set(KEYS.loss, JSON.stringify(loss), 'NX'))
  }

  async announce (configuration: string, ttlMs: number): Promise<string[]> {
    return await this.#main.script('announce', [KEYS.replicas], [configuration, ttlMs]) as string[]
  }

  onNotice (listener: (isRegained: boolean) => void): void { this.#listeners.push(listener) }

  async changedSince (version: number): Promise<string[]> {
    return this.#main.run((redis) => redis.zrangebyscore(KEYS.changed, `(${version}`, '+inf'))
  }

  async contextKeys (): Promise<string[]> { return this.#main.run((redis) => redis.hkeys(KEYS.contexts)) }

  async readContexts (keys: readonly string[]): Promise<Map<string, ContextState>> {
    const states = new Map<string, ContextState>()
    if (keys.length === 0) return states
    const texts = await this.#main.run((redis) => redis.hmget(KEYS.contexts, ...keys))
    for (const [i, text] of texts.entries()) if (text !== null) states.set(keys[i]!, readState(text))
    return states
  }

  async readCohorts (keys: readonly string[]): Promise<Map<string, StoredCohort>> {
    return readCohorts(keys, keys.length === 0 ? [] : await this.#main.run((redis) => redis.hmget(KEYS.cohorts, ...keys)))
  }

  async readTraces (key: string): Promise<KeptTrace[]> {
    return readKeptTraces(await this.#main.run((redis) => redis.hmget(KEYS.traces, ...traceNames(key))))
  }

  async readSavings (day: number): Promise<ReadonlyMap<string, SavingsSums> | null> {
    const text = await this.#main.run((redis) => redis.hget(KEYS.savings, String(day)))
    return text === null ? null : await decodeDay(text)
  }

  async policies (keys?: readonly string[]): Promise<Map<string, PolicyPatch>> { return this.#table(KEYS.policies, readPolicy, keys) }
  async pins (keys?: readonly string[]): Promise<Map<string, Pin>> { return this.#table(KEYS.pins, readPin, keys) }

  async predictors (): Promise<Map<string, PredictorVersion>> {
    const stamp = (await this.#main.run((redis) => redis.mget(KEYS.stateId, KEYS.predictorsAt))).join(' ')
    const read = async () => Object.entries(await this.#main.run((redis) => redis.hgetall(KEYS.predictors)))
    return await this.#predictors.versions(stamp, read)
  }

  async damagedPredictors (): Promise<readonly string[]> {
    await this.predictors()
    return this.#predictors.damaged()
  }

  async history (limit: number): Promise<HistoryRow[]> {
    const [entries, now] = await this.#withNow(KEYS.history, '+', limit)
    const rows = entries.map(([id, [, text, , version]]) => ({ id, text: text!, version: Number(version) }))
    return readChanges(rows, now)
  }

  /** Reads the newest rows of a stream and then the version, so that no row is newer than the version. */
  async #withNow (key: string, end: string, limit: number) {
    const [entries, version] = await this.#main.run((redis) => Promise.all([
      redis.xrevrange(key, end, '-', 'COUNT', limit), redis.get(KEYS.version),
    ]))
    return [entries, { time: Date.now(), version: Number(version) }] as const
  }

  async audit (limit: number, before?: string): Promise<AuditRow[]> {
    const end = before === undefined ? '+' : `(${before}`
    const [entries, now] = await this.#withNow(KEYS.audit, end, limit)
    return datedCommands(entries.map(toKeptCommand), now)
  }

  exportRows (): AsyncIterable<StateRow> { return this.#state.export() }
  importRows (state: SortedState, replaces: boolean): Promise<void> { return this.#state.import(state, replaces, randomUUID()) }

  async close (): Promise<void> {
    const parts = [this.#log, this.#main, this.#subscriber, this.#replicas, this.#learning, this.#partitions, this.#remembered]
    for (const part of parts) part?.close()
  }

  /** @param fields absent: all */
  async #table<T> (key: string, decode: (text: string) => T, fields?: readonly string[]): Promise<Map<string, T>> {
    if (fields === undefined) {
      const table = await this.#main.run((redis) => redis.hgetall(key))
      return new Map(Object.entries(table).map(([field, text]) => [field, decode(text)]))
    }
    const texts = fields.length === 0 ? [] : await this.#main.run((redis) => redis.hmget(key, ...fields))
    return new Map(fields.flatMap((field, i) => texts[i] == null ? [] : [[field, decode(texts[i])] as const]))
  }

  async #subscribe (): Promise<void> {
    try {
      await this.#subscriber.run((redis) => redis.subscribe(CHANNEL))
      this.#notify() // notices may have been missed until now
    } catch {
      this.#subscriber.reconnect() // which subscribes again
    }
  }

  #notify (isRegained = false): void { for (const listener of this.#listeners) listener(isRegained) }
}

function toKeptCommand ([id, [, entry, , version, , replaced]]: [id: string, fields: string[]]): AuditRow {
  const command = readCommand(entry!)
  return { id, time: toPlace(id)[0], version: Number(version), command, replaced: readReplaced(command, replaced!) }
}
