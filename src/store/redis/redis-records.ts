import { inTurns } from '../encoding/in-turns.js'
import type { RecordLimits, TextBatch } from '../event-store.js'
import type { RecordKeys } from './redis-keys.js'
import type { RedisPartitions } from './redis-partitions.js'

/** Records and texts in one command, so that it does not hold up Redis. */
const CHUNK = { records: 256, texts: 4096 }

/** Records of the Redis store, in the partition of their generation: a list of texts by generation id, and the ids by age. */
export class RedisRecords {
  readonly #partitions: RedisPartitions
  readonly #keys: readonly RecordKeys[]
  readonly #limits: RecordLimits
  /** Parts of batches that were kept while other partitions were away, so that nothing is kept twice when the batch comes again. */
  readonly #kept = new WeakMap<readonly string[], Map<string, number>>()

  /** @param limits of all partitions together */
  constructor (partitions: RedisPartitions, keysOf: (tag: string) => RecordKeys, limits: RecordLimits) {
    this.#partitions = partitions
    this.#keys = partitions.tags.map(keysOf)
    const { generations, bytes } = limits
    this.#limits = { ...limits, generations: Math.ceil(generations / partitions.count), bytes: Math.ceil(bytes / partitions.count) }
  }

  async append (batch: TextBatch): Promise<number> {
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
  async #appendTo (partition: number, batch: TextBatch, group: readonly number[], kept: Map<string, number>): Promise<void> {
    const { starts } = batch
    const countOf = (i: number) => starts[i + 1]! - starts[i]!
    for (let from = 0, to; from < group.length; from = to) {
      let count = countOf(group[from]!) // at least one record, however many texts it has
      for (to = from + 1; to < group.length && to - from < CHUNK.records; to++) {
        count += countOf(group[to]!)
        if (count > CHUNK.texts) break
      }
      const part = `${partition} ${from}`
      if (!kept.has(part)) kept.set(part, await this.#appendSome(partition, batch, group.slice(from, to)))
    }
  }

  async #appendSome (partition: number, batch: TextBatch, group: readonly number[]): Promise<number> {
    const { seconds, texts: most, generations, bytes } = this.#limits
    const { ids, starts, texts } = batch
    const args: Array<string | number> = [seconds * 1000, most, generations, bytes, this.#keys[partition]!.list('')]
    await inTurns(group, (i) => {
      const end = starts[i + 1]!
      args.push(ids[i]!, end - starts[i]!)
      for (let j = starts[i]!; j < end; j++) args.push(texts[j]!)
    })
    const { records, sizes, list } = this.#keys[partition]!
    const keys = [records, sizes, ...group.map((i) => list(ids[i]!))]
    return await this.#partitions.at(partition, (node) => node.script('record', keys, args)) as number
  }

  async read (generationIds: readonly string[]): Promise<Map<string, string[]>> {
    const texts: string[][] = new Array(generationIds.length)
    await Promise.all([...this.#partitions.group(generationIds)].map(async ([partition, group]) => {
      const { list } = this.#keys[partition]!
      for (let from = 0; from < group.length; from += CHUNK.records) {
        const part = group.slice(from, from + CHUNK.records)
        const keys = part.map((i) => list(generationIds[i]!))
        const records = await this.#partitions.at(partition, (node) => node.script('recorded', keys, [])) as string[][]
        for (const [j, i] of part.entries()) texts[i] = records[j]!
      }
    }))
    return new Map(generationIds.flatMap((id, i) => texts[i]!.length > 0 ? [[id, texts[i]!] as const] : []))
  }

  async forget (generationIds: readonly string[]): Promise<void> {
    await Promise.all([...this.#partitions.group(generationIds)].map(async ([partition, group]) => {
      await this.#forget(partition, group.map((i) => generationIds[i]!))
    }))
  }

  async #forget (partition: number, ids: readonly string[]): Promise<void> {
    const { records, sizes, list } = this.#keys[partition]!
    await this.#partitions.at(partition, (node) => node.script('forget', [records, sizes], [list(''), ...ids]))
  }
}
