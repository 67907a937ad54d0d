import { inTurns } from '../encoding/in-turns.js'
import type { Batch, RecordKind } from '../step-records/record-kind.js'
import type { RecordLimits } from '../step-record-store.js'
import type { RecordKeys } from './redis-keys.js'
import type { RedisPartitions } from './redis-partitions.js'

/** Records and items in one command, so that it does not hold up Redis. */
const CHUNK = { records: 256, steps: 4096 }

/** Records of the Redis store, in the partition of their generation: a list of items by generation id, and the ids by age. */
export class RedisRecords<B extends Batch, I> {
  readonly #partitions: RedisPartitions
  readonly #kind: RecordKind<B, I>
  readonly #keys: readonly RecordKeys[]
  readonly #limits: RecordLimits
  /** Parts of batches that were kept while other partitions were away, so that nothing is kept twice when the batch comes again. */
  readonly #kept = new WeakMap<readonly string[], Map<string, number>>()

  /** @param limits of all partitions together */
  constructor (partitions: RedisPartitions, kind: RecordKind<B, I>, keysOf: (tag: string) => RecordKeys, limits: RecordLimits) {
    this.#partitions = partitions
    this.#kind = kind
    this.#keys = partitions.tags.map(keysOf)
    const { generations, bytes } = limits
    this.#limits = { ...limits, generations: Math.ceil(generations / partitions.count), bytes: Math.ceil(bytes / partitions.count) }
  }

  async append (batch: B): Promise<number> {
    const { ids } = batch
    const kept = this.#kept.get(ids) ?? new Map<string, number>()
    this.#kept.set(ids, kept)
    const groups = [...this.#partitions.group(ids)]
    const appending = groups.map(([partition, group]) => this.#appendTo(partition, batch, group, kept))
    await Promise.allSettled(appending) // all have ended when this rejects
    await Promise.all(appending)
    this.#kept.delete(ids)
    return [...kept.values()].reduce((sum, count) => sum + count, 0)
  }

  /** Appends those of a partition, in parts. @param group indices of their ids */
  async #appendTo (partition: number, batch: B, group: readonly number[], kept: Map<string, number>): Promise<void> {
    const { starts } = batch
    const stepsOf = (i: number) => starts[i + 1]! - starts[i]!
    for (let from = 0, to; from < group.length; from = to) {
      let steps = stepsOf(group[from]!) // at least one record, however many steps it has
      for (to = from + 1; to < group.length && to - from < CHUNK.records; to++) {
        steps += stepsOf(group[to]!)
        if (steps > CHUNK.steps) break
      }
      const part = `${partition} ${from}`
      if (!kept.has(part)) kept.set(part, await this.#appendSome(partition, batch, group.slice(from, to)))
    }
  }

  async #appendSome (partition: number, batch: B, group: readonly number[]): Promise<number> {
    const { seconds, steps: most, generations, bytes } = this.#limits
    const { ids, starts } = batch
    const args: Array<string | number> = [seconds * 1000, most, generations, bytes, this.#keys[partition]!.list('')]
    await inTurns(group, (i) => {
      const end = starts[i + 1]!
      args.push(ids[i]!, end - starts[i]!)
      for (let step = starts[i]!; step < end; step++) args.push(this.#kind.textOf(batch, step))
    })
    const { records, sizes, list } = this.#keys[partition]!
    const keys = [records, sizes, ...group.map((i) => list(ids[i]!))]
    return await this.#partitions.at(partition, (node) => node.script('record', keys, args)) as number
  }

  async read (generationIds: readonly string[]): Promise<Map<string, I[]>> {
    const items: I[][] = new Array(generationIds.length)
    await Promise.all([...this.#partitions.group(generationIds)].map(async ([partition, group]) => {
      const { list } = this.#keys[partition]!
      for (let from = 0; from < group.length; from += CHUNK.records) {
        const part = group.slice(from, from + CHUNK.records)
        const keys = part.map((i) => list(generationIds[i]!))
        const records = await this.#partitions.at(partition, (node) => node.script('recorded', keys, [])) as string[][]
        const read = await inTurns(records, (texts) => texts.flatMap((text) => this.#kind.itemsOf(text)))
        for (const [j, i] of part.entries()) items[i] = read[j]!
      }
    }))
    return new Map(generationIds.flatMap((id, i) => items[i]!.length > 0 ? [[id, items[i]!] as const] : []))
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    await Promise.all([...this.#partitions.group(generationIds)].map(async ([partition, group]) => {
      await this.#forget(partition, group.map((i) => generationIds[i]!))
    }))
  }

  /** Forgets all records. */
  async clear (): Promise<void> {
    await Promise.all(this.#keys.map(async ({ records }, partition) => {
      for (;;) {
        const ids = await this.#partitions.at(partition, (node) => node.run((redis) => redis.zrange(records, '0', String(CHUNK.records - 1))))
        if (ids.length === 0) return
        await this.#forget(partition, ids)
      }
    }))
  }

  async #forget (partition: number, ids: readonly string[]): Promise<void> {
    const { records, sizes, list } = this.#keys[partition]!
    await this.#partitions.at(partition, (node) => node.script('forget', [records, sizes], [list(''), ...ids]))
  }
}
