import { Redis, type RedisOptions } from 'ioredis'
import { StoreUnavailableError } from '../store-errors.js'
import { addressOf, redisAddress, type RedisAddress, type RedisHost, type RedisTls } from './redis-address.js'
import { KEYS } from './redis-keys.js'
import { acquireLease, announce, commit, learned, releaseLease, renewLease, revision } from './scripts/learning.js'
import { appendFenced, appendScript, read } from './scripts/log.js'
import { exportStateScript, importStateScript } from './scripts/move-state.js'
import { forget, logStops, record, recorded } from './scripts/records.js'
import { fence, recent, remember, rotate } from './scripts/remembered.js'
import { writeTraining } from './scripts/training-runs.js'

/** Error replies that mean "not now" or "not here". Other error replies are faults of the caller. */
const REFUSALS = /\b(READONLY|OOM|MISCONF|NOREPLICAS|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOAUTH|WRONGPASS|NOPERM)\b/

/** Error replies to writes of a server that may go on answering reads: out of memory, full disk, read-only, cut off. */
const WRITE_REFUSALS = /\b(READONLY|OOM|MISCONF|NOREPLICAS)\b/

/** Error replies of a server that is cut off from the others, which may have replaced it. */
const CUT_OFF = /\b(NOREPLICAS|MASTERDOWN|CLUSTERDOWN)\b/

/** Errors where a port without TLS, or none that answers, is asked for TLS: OpenSSL names none. */
const NO_TLS = /ETIMEDOUT|wrong version number|packet length too long/

/** Longest pause between two attempts to connect, ms. */
const RECONNECT_MS = 1000
/** Timeout of an attempt to connect, ms, even if commands may take longer. */
const CONNECT_MS = 10_000

type Script = (numberOfKeys: number, keys: readonly string[], args: ReadonlyArray<string | number | Buffer>) => Promise<unknown>

/** A connection that fails fast while Redis is down, and reconnects without end. */
export class RedisConnection {
  readonly redis: Redis
  readonly #attempted: Promise<void>
  #isUp = false
  #problem = 'not connected yet'
  #refusal: string | null = null
  readonly #address: RedisAddress
  /** Number of the host to try next. */
  #turn = 0
  /** The Cluster node that has our slot, if the last reply named it. */
  #moved: { host: string, port: number } | null = null
  readonly #isPinned: boolean
  readonly #servers = new WeakMap<Redis['stream'], Promise<string>>()

  /**
   * @param timeoutMs timeout of a command, and upper limit for that of an attempt to connect
   * @param tls used if the URL asks for TLS
   * @param node the node of the Cluster to stay at, whichever slots it has
   */
  constructor (url: string, timeoutMs: number, tls: RedisTls = {}, node?: RedisHost) {
    const address = this.#address = node === undefined ? redisAddress(url) : addressOf(url, node)
    this.#isPinned = node !== undefined
    const connectMs = Math.min(timeoutMs, CONNECT_MS)
    this.redis = new Redis(address.url, {
      ...(address.isTls && { tls }),
      ...sentinelOptions(address, connectMs, tls),
      connectionName: 'stopgate',
      connectTimeout: connectMs,
      commandTimeout: connectMs, // for the commands that set up the connection; changed once it is ready
      enableOfflineQueue: false, // a command that can't be sent fails at once
      maxRetriesPerRequest: 0, // so does a command under way: only the caller knows whether it may be sent again
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxLoadingRetryTime: RECONNECT_MS,
      retryStrategy: (attempt) => {
        if (address.sentinel === null) Object.assign(this.redis.options, this.#moved ?? this.#nextHost())
        this.#moved = null
        return Math.min(50 * attempt, RECONNECT_MS)
      },
      scripts: Object.fromEntries(Object.entries(SCRIPTS).map(([name, lua]) => [commandName(name), { lua }])),
    })
    const problemOf = ({ message }: Error) => address.isTls && NO_TLS.test(message) ? `${message.trim()} (REDIS_URL says rediss, and the port did not answer with TLS)` : message
    this.redis.on('error', (error: Error) => { this.#problem = /^All sentinels/.test(error.message) ? this.#problem : problemOf(error) })
    this.redis.on('sentinelError', (error: Error) => { this.#problem = problemOf(error) })
    // ioredis listens to the first error of a stream alone, and a write to a broken TLS stream is another, which would end the process.
    this.redis.on('connect', () => { this.redis.stream.on('error', () => {}) })
    this.redis.on('ready', () => {
      this.#isUp = true
      this.#problem = 'the connection was lost'
      this.redis.options.commandTimeout = timeoutMs
    })
    this.redis.on('close', () => {
      this.#isUp = false
      this.redis.options.commandTimeout = connectMs
    })
    this.#attempted = new Promise((resolve) => {
      for (const event of ['ready', 'error', 'close']) this.redis.once(event, () => { resolve() })
    })
  }

  /** Whether the last contact succeeded, and no write is refused. */
  isUp (): boolean { return this.#isUp && this.#refusal === null }

  /** Why Redis refuses writes, in its words; `null`: it does not, as far as is known. */
  refusal (): string | null { return this.#refusal }

  /** Finds out by a write whether Redis still refuses writes, if it did. */
  async retryWrite (): Promise<void> {
    if (this.#refusal === null) return
    const isWritten = await this.run((redis) => redis.set(KEYS.written, '')).then(() => true, () => false)
    if (isWritten) this.#refusal = null
  }

  isReady (): boolean { return this.redis.status === 'ready' }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  attempted (): Promise<void> { return this.#attempted }

  async script (name: ScriptName, keys: readonly string[], args: ReadonlyArray<string | number | Buffer>): Promise<unknown> {
    const scripts = this.redis as unknown as Record<string, Script> // ioredis adds a method for each script, which no type shows
    return this.run(() => scripts[commandName(name)]!(keys.length, keys, args))
  }

  /**
   * Runs a command; failures that say that Redis is down or can't write become StoreUnavailableError. Runs it again, once, if another node
   * of the Cluster has our slot: nothing was executed then.
   */
  async run<T> (command: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      return await this.#attempt(command)
    } catch (error) {
      if (this.#moved === null || !/\bMOVED\b/.test((error as Error).message)) throw error
      await this.#ready()
      return await this.#attempt(command)
    }
  }

  /** Resolves when the connection is ready again, and at the latest after the pause between two attempts to connect. */
  async #ready (): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.redis.once('ready', resolve)
      timer = setTimeout(resolve, RECONNECT_MS)
    })
    clearTimeout(timer)
  }

  async #attempt<T> (command: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      const reply = await command(this.redis)
      this.#isUp = true
      return reply
    } catch (error) {
      const { name, message } = error as Error
      if (name === 'ReplyError' && !REFUSALS.test(message)) throw error
      this.#isUp = false
      if (name === 'ReplyError' && WRITE_REFUSALS.test(message)) this.#refusal = message
      this.#reconnectAfter(message)
      const isSent = name === 'ReplyError' || message === TIMED_OUT
      throw new StoreUnavailableError(`Redis is unavailable: ${isSent ? message : this.#problem}`, { cause: error })
    }
  }

  /** Run id of the server that the next command goes to. It is asked for once per connection. */
  server (): Promise<string> {
    const { stream } = this.redis
    const known = this.isReady() ? this.#servers.get(stream) : undefined
    if (known !== undefined) return known
    const asked = this.run(async (redis) => {
      const id = /^run_id:(\w+)/m.exec(await redis.info('server'))?.[1]
      if (id === undefined) throw new Error('INFO names no run_id')
      return id
    })
    if (this.isReady()) this.#servers.set(stream, asked)
    asked.catch(() => { this.#servers.delete(stream) })
    return asked
  }

  /** Drops the connection and makes another. It sends no QUIT, which a hanging server would not answer. */
  reconnect (): void {
    // There is no stream before the first attempt to connect, whatever the type says.
    (this.redis.stream as Redis['stream'] | undefined)?.destroy()
  }

  close (): void {
    this.redis.disconnect()
    this.#isUp = false
    this.#problem = 'the store is closed'
    this.reconnect() // only drops the stream: there is no reconnect after a disconnect
  }

  /** Reconnects if the next command would fail as well: the server hangs, is read-only or does not have our slot. */
  #reconnectAfter (message: string): void {
    const moved = /\bMOVED \d+ (\S*):(\d+)/.exec(message)
    if (moved !== null && this.#isPinned) return
    if (moved !== null) this.#moved = { host: moved[1] || this.redis.options.host!, port: Number(moved[2]) }
    const isElsewhere = (this.#address.isCluster || this.#address.sentinel !== null) && CUT_OFF.test(message)
    if (moved === null && !isElsewhere && message !== TIMED_OUT && !/\bREADONLY\b/.test(message)) return
    this.#problem = message
    this.reconnect()
  }

  /** The next host in turn. */
  #nextHost (): RedisHost {
    const { hosts } = this.#address
    return hosts[++this.#turn % hosts.length]!
  }
}

/** Sentinels are asked for the master at each attempt to connect. */
function sentinelOptions ({ hosts, sentinel, isTls }: RedisAddress, timeoutMs: number, tls: RedisTls): RedisOptions {
  if (sentinel === null) return {}
  const { name, username, password } = sentinel
  return {
    sentinels: [...hosts],
    name,
    ...(username !== null && { sentinelUsername: username }),
    ...(password !== null && { sentinelPassword: password }),
    ...(isTls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    sentinelCommandTimeout: timeoutMs,
    sentinelRetryStrategy: (attempt) => Math.min(50 * attempt, RECONNECT_MS),
  }
}

const TIMED_OUT = 'Command timed out' // ioredis has no class for it

/** A name that differs from all commands of Redis. */
const commandName = (script: string): string => `stopgate:${script}`

/*
 * Redis runs each script alone and keeps its writes together in the append-only file, so each is one atomic step. Redis checks for lack of
 * memory, read-only mode and disk failures only at the first write of a script, so a script writes all or nothing.
 */
export const SCRIPTS = {
  announce,
  append: appendScript,
  appendFenced,
  acquireLease,
  renewLease,
  releaseLease,
  learned,
  read,
  commit,
  revision,
  record,
  recorded,
  forget,
  fence,
  recent,
  rotate,
  remember,
  logStops,
  writeTraining,
  exportState: exportStateScript,
  importState: importStateScript,
} as const

type ScriptName = keyof typeof SCRIPTS
