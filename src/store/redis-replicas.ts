import { redisAddress } from './redis-address.js'
import { RedisConnection } from './redis-connection.js'
import { KEYS } from './redis-scripts.js'
import type { RedisTls } from './redis-tls.js'
import { StoreUnavailableError } from './store.js'

/**
 * Waits until what was written is on replicas too. All who call while one wait runs share the next. On a connection of its own, since a
 * wait holds up the commands behind it.
 */
export class RedisReplicas {
  readonly #connection: RedisConnection | null
  readonly #count: number
  readonly #isFleet: boolean
  readonly #waitMs: number
  #running: Promise<void> = Promise.resolve()
  #next: Promise<void> | null = null
  /** How many had the last write; `null`: as many as must. */
  #behind: number | null = null

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

  /** Resolves once all that was written before, on whichever connection, is on as many replicas as must have it. */
  async have (): Promise<void> {
    const connection = this.#connection
    if (connection === null) return
    const start = () => {
      this.#next = null
      this.#running = this.#wait(connection)
      return this.#running
    }
    this.#next ??= this.#running.then(start, start)
    await this.#next
  }

  close (): void { this.#connection?.close() }

  async #wait (connection: RedisConnection): Promise<void> {
    const [, count] = await connection.run((redis) => Promise.all([
      redis.set(KEYS.written, ''), // WAIT waits for what its own connection has written, and so for all before
      redis.wait(this.#count, this.#waitMs),
    ]))
    this.#behind = count < this.#count ? count : null
    const problem = this.problem()
    if (problem !== null) throw new StoreUnavailableError(`Redis is unavailable: ${problem}`)
  }
}
