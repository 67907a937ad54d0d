import { inTurns } from '../encoding/in-turns.js'
import type { Batch, RecordKind } from '../step-records/record-kind.js'
import type { RecordLimits } from '../step-record-store.js'
import type { RedisConnection } from './redis-connection.js'
import type { RecordKeys } from './redis-keys.js'

/** Records and items in one command, so that it does not hold up Redis. */
const CHUNK = { records: 256, steps: 4096 }

/** Records of the Redis store: a list of items by generation id, and the ids by age. */
export class RedisRecords<B extends Batch, I> {
  readonly #connection: RedisConnection
  readonly #kind: RecordKind<B, I>
  readonly #keys: RecordKeys
  readonly #limits: RecordLimits

  constructor (connection: RedisConnection, kind: RecordKind<B, I>, keys: RecordKeys, limits: RecordLimits) {
    this.#connection = connection
    this.#kind = kind
    this.#keys = keys
    this.#limits = limits
  }

  async append (batch: B): Promise<number> {
    const { ids, starts } = batch
    const fits = (from: number, to: number) => to <= ids.length && to - from <= CHUNK.records && starts[to]! - starts[from]! <= CHUNK.steps
    let kept = 0
    for (let from = 0, to; from < ids.length; from = to) {
      to = from + 1 // at least one record, however many steps it has
      while (fits(from, to + 1)) to++
      kept += await this.#appendSome(batch, from, to)
    }
    return kept
  }

  async #appendSome (batch: B, from: number, to: number): Promise<number> {
    const { seconds, steps: most, generations, bytes } = this.#limits
    const first = batch.starts[from]!
    const steps = Array.from({ length: batch.starts[to]! - first }, (_, i) => first + i)
    const texts = await inTurns(steps, (step) => this.#kind.textOf(batch, step))
    const ids = batch.ids.slice(from, to)
    const args = ids.flatMap((id, i) => {
      const own = texts.slice(batch.starts[from + i]! - first, batch.starts[from + i + 1]! - first)
      return [id, own.length, ...own]
    })
    const { records, sizes, list } = this.#keys
    const keys = [records, sizes, ...ids.map(list)]
    return await this.#connection.script('record', keys, [seconds * 1000, most, generations, bytes, list(''), ...args]) as number
  }

  async read (generationIds: readonly string[]): Promise<Map<string, I[]>> {
    const found = new Map<string, I[]>()
    for (let i = 0; i < generationIds.length; i += CHUNK.records) {
      const ids = generationIds.slice(i, i + CHUNK.records)
      const records = await this.#connection.script('recorded', ids.map(this.#keys.list), []) as string[][]
      const items = await inTurns(records, (texts) => texts.flatMap((text) => this.#kind.itemsOf(text)))
      for (const [j, id] of ids.entries()) if (items[j]!.length > 0) found.set(id, items[j]!)
    }
    return found
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    const { records, sizes, list } = this.#keys
    await this.#connection.script('forget', [records, sizes], [list(''), ...generationIds])
  }
}
