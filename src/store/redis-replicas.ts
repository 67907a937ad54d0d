import { redisAddress } from './redis-address.js'
import { RedisConnection } from './redis-connection.js'
import { KEYS } from './redis-keys.js'
import type { RedisTls } from './redis-tls.js'
import { StoreUnavailableError } from './store-errors.js'

/** Between two looks whether replicas have caught up, ms. */
const LOOK_AGAIN_MS = 500

/**
 * Waits until what was written is on replicas too. All who call while one wait runs share the next. On a connection of its own, since a
 * wait holds up the commands behind it.
 */
export class RedisReplicas {
  readonly #connection: RedisConnection | null
  readonly #count: number
  readonly #isFleet: boolean
  readonly #waitMs: number
  #running: Promise<string> = Promise.resolve('')
  #next: Promise<string> | null = null
  /** How many had the last write; `null`: as many as must. */
  #behind: number | null = null
  #again: NodeJS.Timeout | undefined
  #isClosed = false

  /** @param count 0: nobody waits @param timeoutMs after which a command has failed @param tls where the URL asks for TLS */
  constructor (url: string, count: number, timeoutMs: number, tls?: RedisTls) {
    this.#connection = count === 0 ? null : new RedisConnection(url, timeoutMs, tls)
    this.#count = count
    const { isCluster, sentinel } = redisAddress(url)
    this.#isFleet = isCluster || sentinel !== null
    this.#waitMs = Math.ceil(timeoutMs / 2)
  }

  /** Resolves when the first attempt to connect has succeeded or failed. */
  async attempted (): Promise<void> { await this.#connection?.attempted() }

  /** What keeps writes from being acknowledged, `null` when nothing does. */
  problem (): string | null {
    return this.#behind === null ? null : `only ${this.#behind} of ${this.#count} replicas have what was written last (REDIS_WAIT_REPLICAS)`
  }

  /** What puts acknowledged outcomes at risk, or keeps outcomes from being acknowledged, with the remedy. */
  warnings (): string[] {
    if (this.#count === 0 && this.#isFleet) return ['A failover may lose outcomes that were acknowledged: set `REDIS_WAIT_REPLICAS=1`.']
    const problem = this.problem()
    return problem === null ? [] : [`outcomes are refused with 503, as ${problem}: look at the replicas of Redis`]
  }

  /**
   * Resolves once all that was written before is on as many replicas as must have it.
   * @param writer that wrote, and has just had the reply: after another await it may be connected to another server
   */
  async have (writer: RedisConnection): Promise<void> {
    const connection = this.#connection
    if (connection === null) return
    const [wrote, waited] = await Promise.all([writer.server(), this.#join(connection)])
    if (wrote === waited) return
    for (const either of [writer, connection]) if (either.isReady()) either.reconnect() // one of them is on a master that was replaced
    throw new StoreUnavailableError('Redis is unavailable: its master changes')
  }

  close (): void {
    this.#isClosed = true
    clearTimeout(this.#again)
    this.#connection?.close()
  }

  /** The wait that begins next. */
  #join (connection: RedisConnection): Promise<string> {
    const start = () => {
      this.#next = null
      this.#running = this.#wait(connection).finally(() => { this.#lookAgain(connection) })
      return this.#running
    }
    this.#next ??= this.#running.then(start, start)
    return this.#next
  }

  /** While replicas are behind: whoever sees that the store is down may send nothing, and so never learn that it is up. */
  #lookAgain (connection: RedisConnection): void {
    clearTimeout(this.#again)
    if (this.#behind === null || this.#isClosed) return
    this.#again = setTimeout(() => { this.#join(connection).catch(() => {}) }, LOOK_AGAIN_MS).unref()
  }

  /** Resolves with the server whose replicas have all. */
  async #wait (connection: RedisConnection): Promise<string> {
    const [server, , count] = await connection.run((redis) => Promise.all([
      connection.server(), // all three go the same way, as they are sent at once
      redis.set(KEYS.written, ''), // WAIT waits for what its own connection has written, and so for all before
      redis.wait(this.#count, this.#waitMs),
    ]))
    this.#behind = count < this.#count ? count : null
    const problem = this.problem()
    if (problem !== null) throw new StoreUnavailableError(`Redis is unavailable: ${problem}`)
    return server
  }
}
