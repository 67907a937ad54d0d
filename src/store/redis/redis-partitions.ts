import { murmur3 } from '../../core/decide/index.js'
import { StoreUnavailableError } from '../store-errors.js'
import type { RedisHost } from './redis-address.js'
import type { RedisConnection } from './redis-connection.js'
import { HOME } from './redis-keys.js'
import { slotOf, SLOTS } from './redis-slots.js'

/** Number of partitions in a Cluster: enough to spread evenly over its masters, few enough that a batch needs few commands. */
export const PARTITIONS = 64

/** Number of times that a command follows its slot to another node. */
const HOPS = 5

interface PartitionsOptions {
  readonly main: RedisConnection
  /** 0: everything has the hash tag of the log, as one partition. */
  readonly count: number
  /** Connects to a node of a Cluster; `null`: there is none, and the main connection reaches all partitions. */
  readonly connect: ((node: RedisHost) => RedisConnection) | null
  /** Nodes to ask first where a partition is. */
  readonly seeds: readonly RedisHost[]
}

/**
 * The records of a generation are in the partition of its id: a hash tag, and so one node. There is a connection to each node that has
 * partitions. Which node that is shows in the replies of Redis: another one answers with its address (MOVED) without executing anything.
 */
export class RedisPartitions {
  readonly count: number
  /** Hash tags by partition. */
  readonly tags: readonly string[]
  readonly #options: PartitionsOptions
  readonly #nodes = new Map<string, RedisConnection>()
  /** Addresses of nodes by partition, where they are known. */
  readonly #homes: Array<string | undefined> = []
  /** Partitions whose last command failed, and why. */
  readonly #down = new Map<number, string>()
  #turn = 0
  #isClosed = false

  constructor (options: PartitionsOptions) {
    this.#options = options
    this.count = Math.max(1, options.count)
    this.tags = options.count === 0 ? [HOME] : evenTags(options.count)
  }

  of (generationId: string): number { return this.count === 1 ? 0 : murmur3(generationId) % this.count }

  /** Indices of the ids, by partition. */
  group (generationIds: readonly string[]): Map<number, number[]> {
    if (this.count === 1) return new Map(generationIds.length === 0 ? [] : [[0, [...generationIds.keys()]]])
    const groups = new Map<number, number[]>()
    for (const [i, id] of generationIds.entries()) {
      const partition = this.of(id)
      const group = groups.get(partition)
      if (group === undefined) groups.set(partition, [i]); else group.push(i)
    }
    return groups
  }

  isUp (): boolean { return this.#down.size === 0 }

  warnings (): string[] {
    const [first] = this.#down.values()
    if (first === undefined) return []
    return [`${this.#down.size} of ${this.count} partitions of the Cluster cannot be reached, so outcomes of their generations get 503: look at its nodes (${first})`]
  }

  /** Tries those again that could not be reached, so that `isUp` changes without traffic. */
  async retry (): Promise<void> {
    await Promise.allSettled([...this.#down.keys()].map((partition) => this.#touch(partition)))
  }

  /** Runs commands for keys of a partition, all of its slot. They run again on another node if this one does not have the partition. */
  async at<T> (partition: number, command: (node: RedisConnection) => Promise<T>): Promise<T> {
    if (this.#options.connect === null) return await command(this.#options.main)
    for (let hop = 1; ; hop++) {
      const address = await this.#home(partition)
      try {
        const reply = await command(this.#node(address))
        if (this.#down.size > 0) this.#down.delete(partition)
        return reply
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error
        const moved = named('MOVED', error, address)
        this.#homes[partition] = moved ?? undefined // unknown: the next command asks another node
        if (moved !== null && hop < HOPS) continue
        this.#down.set(partition, error.message)
        throw error
      }
    }
  }

  /**
   * Values of keys of a partition. While Redis moves its slot, its node has only a part of the keys, refuses commands for several, and
   * names the node that has the others (ASK). So they are then read one by one.
   */
  async values (partition: number, keys: readonly string[]): Promise<Array<string | null>> {
    return this.at(partition, async (node) => {
      try {
        return await node.run((redis) => redis.mget([...keys]))
      } catch (error) {
        if (!/\b(ASK|TRYAGAIN)\b/.test(causeOf(error))) throw error
        return await Promise.all(keys.map((key) => this.#value(node, key)))
      }
    })
  }

  async #value (node: RedisConnection, key: string): Promise<string | null> {
    try {
      return await node.run((redis) => redis.get(key))
    } catch (error) {
      const address = named('ASK', error, addressOf(node))
      if (address === null) throw error
      const other = this.#node(address)
      await other.attempted()
      const [, value] = await other.run((redis) => Promise.all([redis.asking(), redis.get(key)])) // ASKING is for the next command only
      return value
    }
  }

  /** Run ids of the servers of all partitions. */
  async servers (): Promise<string> {
    const touched = await Promise.all(this.tags.map((_, partition) => this.#touch(partition)))
    return touched.join(' ')
  }

  /** A connection to each server that has partitions. */
  async nodes (): Promise<RedisConnection[]> {
    if (this.#options.connect === null) return [this.#options.main]
    await this.servers()
    return [...new Set(this.#homes)].map((address) => this.#nodes.get(address!)!)
  }

  close (): void {
    this.#isClosed = true
    for (const node of this.#nodes.values()) node.close()
  }

  /** Finds the server of a partition. @returns its run id */
  #touch (partition: number): Promise<string> {
    const key = `{${this.tags[partition]!}}:written`
    return this.at(partition, async (node) => {
      const [server] = await Promise.all([node.server(), node.run((redis) => redis.exists(key))])
      return server
    })
  }

  /** Address of the node that has the partition, or of one that knows it; connected, unless all are down. */
  async #home (partition: number): Promise<string> {
    const known = this.#homes[partition]
    if (known !== undefined) {
      await this.#node(known).attempted()
      return known
    }
    const seeds = this.#options.seeds.map(({ host, port }) => `${host}:${port}`)
    const turn = this.#turn++
    const ready = [...this.#nodes].filter(([, node]) => node.isReady()).map(([address]) => address)
    let asked = seeds[turn % seeds.length]!
    for (const address of ready.length > 0 ? [ready[turn % ready.length]!] : seeds) {
      const node = this.#node(address)
      await node.attempted()
      if (!node.isReady()) continue
      asked = address
      break
    }
    this.#homes[partition] ??= asked // another command may have found it meanwhile
    return this.#homes[partition]!
  }

  #node (address: string): RedisConnection {
    if (this.#isClosed) throw new StoreUnavailableError('Redis is unavailable: the store is closed')
    const made = this.#nodes.get(address)
    if (made !== undefined) return made
    this.#removeUnused()
    const colon = address.lastIndexOf(':')
    const node = this.#options.connect!({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) })
    this.#nodes.set(address, node)
    return node
  }

  /** Closes connections to nodes that have left the Cluster. */
  #removeUnused (): void {
    for (const [address, node] of this.#nodes) {
      if (node.isReady() || this.#homes.includes(address)) continue
      node.close()
      this.#nodes.delete(address)
    }
  }
}

const causeOf = (error: unknown): string => ((error as Error).cause as Error | undefined)?.message ?? ''

const addressOf = ({ redis: { options: { host, port } } }: RedisConnection): string => `${host}:${port}`

/** The address that a reply of Redis names; `null`: none. @param asked address of the node that replied */
function named (redirection: 'MOVED' | 'ASK', error: unknown, asked: string): string | null {
  const [, by, host, port] = /\b(MOVED|ASK) \d+ (\S*):(\d+)/.exec(causeOf(error)) ?? []
  if (by !== redirection) return null
  return port === undefined ? null : `${host || asked.slice(0, asked.lastIndexOf(':'))}:${port}`
}

/** Hash tags whose slots are spread evenly, so that each master gets its share of them by the usual division of slots. */
function evenTags (count: number): string[] {
  const tags: string[] = new Array(count)
  for (let n = 0, missing = count; missing > 0; n++) {
    const tag = `${HOME}:${n}`
    const part = Math.floor(slotOf(tag) * count / SLOTS)
    if (tags[part] !== undefined) continue
    tags[part] = tag
    missing--
  }
  return tags
}
