import type { StopChunk, StopLimits, StopStore } from '../stop-store.js'
import type { RedisConnection } from './redis-connection.js'
import { KEYS } from './redis-keys.js'

/** Stops in Redis: a stream of chunks. */
export class RedisStops implements StopStore {
  readonly #connection: RedisConnection
  readonly #limits: StopLimits

  constructor (connection: RedisConnection, limits: StopLimits) {
    this.#connection = connection
    this.#limits = limits
  }

  async append (rows: Uint8Array): Promise<void> {
    const { seconds, bytes } = this.#limits
    await this.#connection.script('logStops', [KEYS.stops, KEYS.stopBytes], [Buffer.from(rows), seconds * 1000, bytes])
  }

  async read (before: string | null, limit: number): Promise<StopChunk[]> {
    const end = before === null ? '+' : `(${before}`
    const entries = await this.#connection.run((redis) => redis.xrevrangeBuffer(KEYS.stops, end, '-', 'COUNT', limit))
    return entries.map(([id, [, rows]]) => ({ id: id.toString(), rows: rows! }))
  }
}
