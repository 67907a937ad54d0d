import { StoreUnavailableError } from '../store-errors.js'
import { redisAddress, type RedisTls } from './redis-address.js'
import { RedisConnection } from './redis-connection.js'
import { KEYS } from './redis-keys.js'

/** Interval of the checks whether replicas have caught up, ms. */
const LOOK_AGAIN_MS = 500

/**
 * Waits until writes are on replicas. All callers that come during a wait share the next one. It has a connection of its own, since WAIT
 * holds up the commands behind it.
 */
export class RedisReplicas {
  readonly #connection: RedisConnection | null
  readonly #count: number
  readonly #isFleet: boolean
  readonly #waitMs: number
  #running: Promise<string> = Promise.resolve('')
  #next: Promise<string> | null = null
  /** Number of replicas that had the last write; `null`: enough of them. */
  #behind: number | null = null
  #again: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param count number of replicas to wait for; 0: none @param timeoutMs timeout of a command @param tls used if the URL asks for TLS */
  constructor (url: string, count: number, timeoutMs: number, tls?: RedisTls) {
    this.#connection = count === 0 ? null : new RedisConnection(url, timeoutMs, tls)
    this.#count = count
    const { isCluster, sentinel } = redisAddress(url)
    this.#isFleet = isCluster || sentinel !== null
    this.#waitMs = Math.ceil(timeoutMs / 2)
  }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  async attempted (): Promise<void> { await this.#connection?.attempted() }

  /** The problem that keeps writes from being acknowledged, or `null`. */
  problem (): string | null {
    return this.#behind === null ? null : `only ${this.#behind} of ${this.#count} replicas have the last write (REDIS_WAIT_REPLICAS)`
  }

  /** Warnings about lost or refused outcomes, with the remedy. */
  warnings (): string[] {
    if (this.#count === 0 && this.#isFleet) return ['A failover may lose outcomes that were acknowledged: set `REDIS_WAIT_REPLICAS=1`.']
    const problem = this.problem()
    return problem === null ? [] : [`outcomes are refused with 503, as ${problem}: look at the replicas of Redis`]
  }

  /**
   * Resolves once all earlier writes are on enough replicas.
   * @param writer the connection that wrote. Call this right after its reply: after another await it may be connected to another server
   */
  async have (writer: RedisConnection): Promise<void> {
    const connection = this.#connection
    if (connection === null) return
    const [wrote, waited] = await Promise.all([writer.server(), this.#join(connection)])
    if (wrote === waited) return
    for (const either of [writer, connection]) if (either.isReady()) either.reconnect() // one has a replaced master
    throw new StoreUnavailableError('Redis is unavailable: its master is changing')
  }

  /** Resolves once a write, made on a connection that nobody else needs, is on enough replicas of its server. */
  async after (connection: RedisConnection, write: () => Promise<unknown>): Promise<void> {
    const { stream } = connection.redis
    await write()
    if (this.#count === 0) return
    const count = await connection.run((redis) => redis.wait(this.#count, this.#waitMs)) // waits for the last write of its own connection
    if (connection.redis.stream !== stream) throw new StoreUnavailableError('Redis is unavailable: the connection was lost')
    if (count < this.#count) throw new StoreUnavailableError(`Redis is unavailable: only ${count} of ${this.#count} replicas of a node of the Cluster have its last writes`)
  }

  close (): void {
    this.#isClosed = true
    clearTimeout(this.#again)
    this.#connection?.close()
  }

  /** Joins the next wait. */
  #join (connection: RedisConnection): Promise<string> {
    const start = () => {
      this.#next = null
      this.#running = this.#wait(connection).finally(() => { this.#lookAgain(connection) })
      return this.#running
    }
    this.#next ??= this.#running.then(start, start)
    return this.#next
  }

  /** Keeps checking while replicas are behind, since callers that see the store down may send nothing more. */
  #lookAgain (connection: RedisConnection): void {
    clearTimeout(this.#again)
    if (this.#behind === null || this.#isClosed) return
    this.#again = setTimeout(() => { this.#join(connection).catch(() => {}) }, LOOK_AGAIN_MS).unref()
  }

  /** Resolves with the run id of the server whose replicas have all writes. */
  async #wait (connection: RedisConnection): Promise<string> {
    const [server, , count] = await connection.run((redis) => Promise.all([
      connection.server(), // the three are sent at once, so they reach the same server
      redis.set(KEYS.written, ''), // WAIT waits for the last write of its own connection, and so for all earlier writes
      redis.wait(this.#count, this.#waitMs),
    ]))
    this.#behind = count < this.#count ? count : null
    const problem = this.problem()
    if (problem !== null) throw new StoreUnavailableError(`Redis is unavailable: ${problem}`)
    return server
  }
}

/** Warnings about settings of the servers that put acknowledged outcomes at risk, each once, with the remedy. */
export async function redisWarnings (connections: Iterable<RedisConnection>): Promise<string[]> {
  return [...new Set((await Promise.all([...connections].map(serverWarnings))).flat())]
}

async function serverWarnings (connection: RedisConnection): Promise<string[]> {
  const settings = await connection.run(async (redis) => {
    const names = ['appendonly', 'appendfsync', 'maxmemory-policy']
    const replies = await Promise.allSettled(names.map((name) => redis.call('CONFIG', 'GET', name) as Promise<string[]>))
    return replies.map((reply) => {
      if (reply.status === 'fulfilled') return reply.value[1]
      if (reply.reason.name !== 'ReplyError') throw reply.reason
      return undefined // a managed server, or a user without access
    })
  })
  const [appendonly, appendfsync, evicts] = settings
  if (settings.includes(undefined)) {
    return ['The settings of Redis cannot be read (CONFIG GET): make sure that it has `appendonly yes`, `appendfsync always` and `maxmemory-policy noeviction`.']
  }
  const warnings: string[] = []
  if (appendonly !== 'yes') {
    warnings.push('Redis has no append-only file, so a crash loses acknowledged outcomes: set `appendonly yes` and `appendfsync always`.')
  } else if (appendfsync !== 'always') {
    warnings.push(`Redis acknowledges writes before they are on disk (\`appendfsync ${appendfsync}\`), so a crash loses the last outcomes: set \`appendfsync always\`.`)
  }
  if (evicts !== 'noeviction') {
    warnings.push(`Redis may evict learned state when its memory is full (\`maxmemory-policy ${evicts}\`): set \`maxmemory-policy noeviction\`.`)
  }
  return warnings
}

/** @param refusal why Redis refuses writes; `null`: it does not */
export function refusalWarnings (refusal: string | null): string[] {
  return refusal === null
    ? []
    : [`Redis refuses writes, so outcomes get 503 and nothing is learned; decisions continue with the last snapshot. Remove the cause, often too little memory or disk space: ${refusal}`]
}
