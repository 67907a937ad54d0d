import { randomUUID } from 'node:crypto'
import { StoreUnavailableError } from '../store-errors.js'
import type { RedisConnection } from './redis-connection.js'
import { KEYS, RECENT, rememberedKey, rememberedPattern } from './redis-keys.js'
import type { RedisPartitions } from './redis-partitions.js'
import type { RedisReplicas } from './redis-replicas.js'

/** How long a bucket takes ids at least, ms. */
export const BUCKET_MS = 30_000
/** Pause after an attempt to move ids that failed, ms. */
const AGAIN_MS = 5000
/** How long moving must fail before it is a warning, ms: longer than a failover. */
const WARNED_MS = 60_000
/** Ids that are moved at once. */
const MOVED_AT_ONCE = 4096
/** Ids that an export reads at once. */
const READ_AT_ONCE = 1000
/** Attempts to append within one turn of the buckets. */
const ATTEMPTS = 10

interface RememberedOptions {
  readonly main: RedisConnection
  readonly partitions: RedisPartitions
  /** Partitions on connections of their own, since WAIT holds up the commands behind it. */
  readonly movers: RedisPartitions
  readonly replicas: RedisReplicas
  readonly dedupMs: number
  readonly bucketMs: number
}

/**
 * Remembers generation ids on all nodes of a Cluster although the log is on one, so that an outcome still counts once.
 *
 * An append puts ids into a *bucket* beside the log, in the same atomic step. So neither an acknowledgement nor a retry depends on two
 * nodes, and a failover that loses the end of the log loses its ids with it. There are three buckets: one takes ids, the two before it are
 * kept. At each turn the newest of the kept ones is moved to the partitions, and the oldest is dropped, which was moved one turn before:
 *
 * 1. While bucket `n` takes ids, those of bucket `n - 2` and all earlier ones are in the partitions.
 * 2. An append first reads the partitions, knowing that bucket `n` took ids. It is refused (and repeated) unless `n` or `n + 1` takes ids
 *    when it arrives. Ids that had not been moved when it read are then still in a bucket. This is its *fence*. The state id belongs to it:
 *    an import makes all earlier ids unknown.
 * 3. Moving may be repeated, and may happen twice at a time: a partition keeps the newest value of an id.
 * 4. Ids reach a partition half a minute after their entry reached the log, also if the mover has just become the learner. So no failover
 *    takes an entry whose id stays.
 * 5. If the server of a partition has changed since a bucket was moved, it may lack the end of it: that bucket is moved again, and dropped
 *    one turn later. The servers are therefore read before a move and again after it.
 */
export class RememberedIds {
  readonly #options: RememberedOptions
  #fence: string | null = null
  #isMoving = false
  #nextAt: number
  /** The fence at which the oldest bucket was in the partitions, and the servers that they were on; '': unknown. */
  #movedTo = ''
  /** Why moving fails, and since when. */
  #problem: { readonly since: number, readonly text: string } | null = null

  constructor (options: RememberedOptions) {
    this.#options = options
    this.#nextAt = performance.now() + options.bucketMs
  }

  warnings (now = performance.now()): string[] {
    return this.#problem === null || now < this.#problem.since + WARNED_MS
      ? []
      : [`Ids of outcomes cannot be moved to their nodes of the Cluster, so the memory of the log's node grows: ${this.#problem.text}`]
  }

  /**
   * Appends to the log with the values that the partitions remember of the ids.
   * @param send sends the script, which replies `FENCE` and the new fence if this one is too old
   */
  async append (ids: readonly string[], send: (fence: string, values: ReadonlyArray<string | null>) => Promise<unknown>): Promise<unknown> {
    if (ids.length === 0) return send('', [])
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const fence = this.#fence ??= (await this.#readFence()).fence
      const reply = await send(fence, await this.#inPartitions(stateOf(fence), ids))
      if (typeof reply !== 'string' || !reply.startsWith('FENCE ')) return reply
      this.#fence = reply.slice('FENCE '.length)
    }
    throw new StoreUnavailableError('Redis is unavailable: it takes longer than the ids that it remembers take turns')
  }

  /** Values of ids, wherever they are. */
  async values (ids: readonly string[]): Promise<Array<string | null>> {
    const reply = await this.#options.main.script('recent', [KEYS.stateId, KEYS.recentAt, ...RECENT], ids)
    const [state, values] = reply as [state: string, values: Array<string | null>]
    const elsewhere = [...values.keys()].filter((i) => values[i] === null)
    if (elsewhere.length === 0) return values
    const found = await this.#inPartitions(state, elsewhere.map((i) => ids[i]!))
    for (const [j, i] of elsewhere.entries()) values[i] = found[j]!
    return values
  }

  /**
   * Ids and values of a state, each id once. Ids leave the buckets only for the partitions, which are therefore read last.
   * @throws StoreUnavailableError if an import replaces the state meanwhile
   */
  async * all (stateId: string): AsyncIterable<[id: string, value: string]> {
    const { main } = this.#options
    const recent = new Map<string, string>()
    for (const bucket of RECENT) {
      for await (const [id, value] of this.#inBucket(bucket)) if (isNewer(value, recent.get(id))) recent.set(id, value)
    }
    const isSame = (await main.run((redis) => redis.get(KEYS.stateId)) ?? '') === stateId
    if (!isSame) throw new StoreUnavailableError('The state was replaced: export again')
    yield * recent
    for await (const pair of this.#inAllPartitions(stateId.slice(0, 8))) if (!recent.has(pair[0])) yield pair
  }

  /** A bucket in parts, since millions of ids in one reply would hold up all other commands. An id may come twice. */
  async * #inBucket (bucket: string): AsyncIterable<[id: string, value: string]> {
    let cursor = '0'
    do {
      const [next, flat] = await this.#options.main.run((redis) => redis.hscan(bucket, cursor, 'COUNT', READ_AT_ONCE))
      cursor = next
      for (let i = 0; i < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!]
    } while (cursor !== '0')
  }

  /** Ids and values that the partitions have of a state. */
  async * #inAllPartitions (state: string): AsyncIterable<[id: string, value: string]> {
    for (const node of await this.#options.partitions.nodes()) {
      let cursor = '0'
      do {
        const [next, keys] = await node.run((redis) => redis.scan(cursor, 'MATCH', rememberedPattern(state), 'COUNT', 1000))
        cursor = next
        const values = await Promise.all(keys.map((key) => node.run((redis) => redis.get(key)))) // of different slots
        for (const [i, value] of values.entries()) if (value !== null) yield [keys[i]!.split(':').slice(4).join(':'), value]
      } while (cursor !== '0')
    }
  }

  /** Moves ids if it is time. Failures are told by `warnings`; the ids stay where they are. */
  due (): void {
    if (this.#isMoving || performance.now() < this.#nextAt) return
    this.#isMoving = true
    const { bucketMs } = this.#options
    const done = (problem: string | null, inMs: number) => {
      const now = performance.now()
      this.#problem = problem === null ? null : { since: this.#problem?.since ?? now, text: problem }
      this.#isMoving = false
      this.#nextAt = now + inMs
    }
    this.move().then((inMs) => { done(null, inMs) }, (error: Error) => { done(error.message, Math.min(AGAIN_MS, bucketMs)) })
  }

  /**
   * Moves the newest bucket that takes no more ids to the partitions. Lets the next one take ids, if the oldest one can be dropped.
   * @returns ms until it is time for the next turn
   */
  async move (): Promise<number> {
    const { main, movers, replicas, bucketMs } = this.#options
    const { fence, ageMs } = await this.#readFence()
    if (ageMs >= 0 && ageMs < bucketMs) return bucketMs - ageMs // a failover could still take the entries of the newest ids
    const [state, number] = fence.split(' ') as [string, string]
    await replicas.have(main)
    const bucket = (age: number) => RECENT[(Number(number) + 3 - age) % 3]!
    const servers = await movers.servers()
    const isChanged = async () => await movers.servers() !== servers
    await this.#copy(bucket(1), state)
    if (this.#movedTo !== `${fence} ${servers}`) { // the oldest bucket has another turn, in which its copies reach the replicas
      await this.#copy(bucket(2), state)
      this.#movedTo = await isChanged() ? '' : `${fence} ${servers}`
      return bucketMs
    }
    this.#movedTo = ''
    if (await isChanged()) return bucketMs
    const isRotated = await main.script('rotate', [KEYS.stateId, KEYS.recentAt, ...RECENT], [fence, bucketMs]) === 1
    if (isRotated) this.#movedTo = `${state} ${Number(number) + 1} ${servers}`
    return bucketMs
  }

  close (): void {
    this.#nextAt = Infinity
    this.#options.movers.close()
  }

  async #copy (bucket: string, state: string): Promise<void> {
    const { main, movers, replicas, dedupMs } = this.#options
    let cursor = '0'
    do {
      const [next, flat] = await main.run((redis) => redis.hscan(bucket, cursor, 'COUNT', MOVED_AT_ONCE))
      cursor = next
      const ids = flat.filter((_, i) => i % 2 === 0)
      await Promise.all([...movers.group(ids)].map(([partition, group]) => {
        const keys = group.map((i) => rememberedKey(movers.tags[partition]!, state, ids[i]!))
        return movers.at(partition, (node) => replicas.after(node, () => node.script('remember', keys, [dedupMs, ...group.map((i) => flat[2 * i + 1]!)])))
      }))
    } while (cursor !== '0')
  }

  /** @param state the beginning of the state id */
  async #inPartitions (state: string, ids: readonly string[]): Promise<Array<string | null>> {
    const { partitions } = this.#options
    const values: Array<string | null> = new Array(ids.length)
    await Promise.all([...partitions.group(ids)].map(async ([partition, group]) => {
      const keys = group.map((i) => rememberedKey(partitions.tags[partition]!, state, ids[i]!))
      const found = await partitions.values(partition, keys)
      for (const [j, i] of group.entries()) values[i] = found[j]!
    }))
    return values
  }

  /** The fence, and for how long its bucket has taken ids by the clock of Redis, which may have been set back. */
  async #readFence (): Promise<{ fence: string, ageMs: number }> {
    const reply = await this.#options.main.script('fence', [KEYS.stateId, KEYS.recentAt], [randomUUID()])
    const [fence, ageMs] = reply as [string, number]
    return { fence, ageMs }
  }
}

/** Whether a value is that of a later outcome, or of one whose label has come. */
function isNewer (value: string, known: string | undefined): boolean {
  if (known === undefined) return true
  const later = parseInt(value) - parseInt(known)
  return later > 0 || (later === 0 && value.split(' ')[1] === '0')
}

const stateOf = (fence: string): string => fence.slice(0, fence.indexOf(' '))
