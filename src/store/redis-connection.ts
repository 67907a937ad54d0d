import { Redis, type RedisOptions } from 'ioredis'
import { redisAddress, type RedisAddress, type RedisHost } from './redis-address.js'
import { SCRIPTS, type ScriptName } from './redis-scripts.js'
import type { RedisTls } from './redis-tls.js'
import { StoreUnavailableError } from './store-errors.js'

/** Replies that say "not now" or "not here" rather than "wrong". */
const REFUSALS = /\b(READONLY|OOM|MISCONF|NOREPLICAS|LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOAUTH|WRONGPASS|NOPERM)\b/

/** What a server says that is cut off from the others, who may have another one in its place. */
const CUT_OFF = /\b(NOREPLICAS|MASTERDOWN|CLUSTERDOWN)\b/

/** Longest pause between two attempts to connect, ms. */
const RECONNECT_MS = 1000
/** After which an attempt to connect has failed, however long a command may take: another's command may hold a server up, ms. */
const CONNECT_MS = 10_000

type Script = (numberOfKeys: number, keys: readonly string[], args: ReadonlyArray<string | number>) => Promise<unknown>

/** One connection that fails fast while it is down and comes back by itself, for ever. */
export class RedisConnection {
  readonly redis: Redis
  readonly #attempted: Promise<void>
  #isUp = false
  #problem = 'not connected yet'
  readonly #address: RedisAddress
  /** Of the host to try next. */
  #turn = 0
  /** The cluster node that has our slot, if the last one asked named another. */
  #moved: { host: string, port: number } | null = null
  readonly #servers = new WeakMap<Redis['stream'], Promise<string>>()

  /**
   * @param timeoutMs after which a command has failed, and an attempt to connect at the latest
   * @param tls where the URL asks for TLS
   */
  constructor (url: string, timeoutMs: number, tls: RedisTls = {}) {
    const address = this.#address = redisAddress(url)
    const connectMs = Math.min(timeoutMs, CONNECT_MS)
    this.redis = new Redis(address.url, {
      ...(address.isTls && { tls }),
      ...sentinelOptions(address, connectMs, tls),
      connectionName: 'stopgate',
      connectTimeout: connectMs,
      commandTimeout: connectMs, // of those that make the connection; then as below
      enableOfflineQueue: false, // a command that can't be sent fails at once
      maxRetriesPerRequest: 0, // and so does one that was under way: only the caller knows whether to send it again
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
    this.redis.on('error', (error: Error) => { this.#problem = /^All sentinels/.test(error.message) ? this.#problem : error.message })
    this.redis.on('sentinelError', (error: Error) => { this.#problem = error.message })
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

  /** Whether the last contact succeeded. */
  isUp (): boolean { return this.#isUp }

  isReady (): boolean { return this.redis.status === 'ready' }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  attempted (): Promise<void> { return this.#attempted }

  async script (name: ScriptName, keys: readonly string[], args: ReadonlyArray<string | number>): Promise<unknown> {
    const scripts = this.redis as unknown as Record<string, Script>
    return this.run(() => scripts[commandName(name)]!(keys.length, keys, args))
  }

  /** Runs a command; failures that say that Redis is down or can't write become StoreUnavailableError. */
  async run<T> (command: (redis: Redis) => Promise<T>): Promise<T> {
    try {
      const reply = await command(this.redis)
      this.#isUp = true
      return reply
    } catch (error) {
      const { name, message } = error as Error
      if (name === 'ReplyError' && !REFUSALS.test(message)) throw error
      this.#isUp = false
      this.#reconnectAfter(message)
      const isSent = name === 'ReplyError' || message === TIMED_OUT
      throw new StoreUnavailableError(`Redis is unavailable: ${isSent ? message : this.#problem}`, { cause: error })
    }
  }

  /** Id of the server that the next command goes to, another one after each start of it; asked for once on each connection. */
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

  /** Drops the connection, and makes another. Without the farewell that a hanging server would not answer. */
  reconnect (): void {
    // There is no stream before the first attempt to connect, whatever the type says.
    (this.redis.stream as Redis['stream'] | undefined)?.destroy()
  }

  close (): void {
    this.redis.disconnect()
    this.#isUp = false
    this.#problem = 'the store is closed'
    this.reconnect() // which is not tried after a disconnect
  }

  /** A server that hangs would make each next command wait as long; one that is read-only, or not our slot's, will stay so. */
  #reconnectAfter (message: string): void {
    const moved = /\bMOVED \d+ (\S*):(\d+)/.exec(message)
    if (moved !== null) this.#moved = { host: moved[1] || this.redis.options.host!, port: Number(moved[2]) }
    const isElsewhere = (this.#address.isCluster || this.#address.sentinel !== null) && CUT_OFF.test(message)
    if (moved === null && !isElsewhere && message !== TIMED_OUT && !/\bREADONLY\b/.test(message)) return
    this.#problem = message
    this.reconnect()
  }

  /** Of those that can lead us to our keys. A single server is always the next. */
  #nextHost (): RedisHost {
    const { hosts } = this.#address
    return hosts[++this.#turn % hosts.length]!
  }
}

/** The master is asked for at each attempt to connect, and one that is a replica by now is left again. */
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

/** Not to be taken for one of Redis' own commands. */
const commandName = (script: string): string => `stopgate:${script}`
