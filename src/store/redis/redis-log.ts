import { setTimeout } from 'node:timers/promises'
import type { LogEntry } from '../../core/learn/index.js'
import { auditOf, awaits, encodeEntry, readEntry, tableWrite } from '../encoding/log-rows.js'
import { type Appended, AUDIT_LIMIT, type Cursor, type LogLimits, READ_BYTES, type StoredEntry, toPlace } from '../log.js'
import { ConflictError, StoreFullError } from '../store-errors.js'
import type { RedisConnection } from './redis-connection.js'
import { CHANNEL, KEYS, RECENT, seenKey } from './redis-keys.js'
import type { RememberedIds } from './redis-remembered.js'
import type { RedisReplicas } from './redis-replicas.js'

interface RedisLogOptions {
  readonly main: RedisConnection
  /** For reads that wait, since they hold up the commands behind them. */
  readonly reader: RedisConnection
  readonly replicas: RedisReplicas
  /** `null`: all ids have keys beside the log, which one script reaches. */
  readonly remembered: RememberedIds | null
  readonly limits: LogLimits
  /** Timeout of a command, ms. */
  readonly timeoutMs: number
}

type StreamEntry = [id: string, fields: string[]]

/** Appends to the log of the Redis store and reads it. A commit of the learner trims it (redis-scripts/learning.ts). */
export class RedisLog {
  readonly #options: RedisLogOptions
  #isClosed = false

  constructor (options: RedisLogOptions) { this.#options = options }

  /** Resolves when the first attempt to connect the reader has succeeded or failed. */
  attempted (): Promise<void> { return this.#options.reader.attempted() }

  async append (entries: readonly LogEntry[], ifPolicyVersion?: number): Promise<Appended[]> {
    const { main, replicas, remembered, limits: { dedupSeconds, maxLogEntries } } = this.#options
    const keys: string[] = [KEYS.log, KEYS.version, KEYS.policyVersion, KEYS.changed, KEYS.audit, KEYS.predictorsAt]
    const args: Array<string | number> = [dedupSeconds, maxLogEntries, ifPolicyVersion ?? '', CHANNEL, AUDIT_LIMIT]
    const reply = remembered === null
      ? await main.script('append', ...withEntries(keys, args, entries, seenKey))
      : await remembered.append(entries.filter(hasId).map((entry) => entry.generation_id), async (fence, values) =>
        main.script('appendFenced', ...withEntries([...keys, KEYS.stateId, KEYS.recentAt, ...RECENT], [...args, fence], entries, () => KEYS.log, values)))
    if (reply === 'CONFLICT') throw new ConflictError(`The policy version is no longer ${ifPolicyVersion}`)
    if (reply === 'FULL') throw new StoreFullError(`${maxLogEntries} entries wait to be folded`)
    if (reply === 'CROWDED') throw new StoreFullError('too many ids wait to be moved to their nodes of the Cluster')
    await replicas.have(main) // also for a duplicate: the first write may not be on a replica yet
    return reply as Appended[]
  }

  async read (after: Cursor, limit: number, waitMs: number): Promise<StoredEntry[]> {
    const { main, reader } = this.#options
    const until = performance.now() + waitMs
    try {
      for (;;) {
        const leftMs = until - performance.now()
        const entries = await main.script('read', [KEYS.log], [after, limit, READ_BYTES]) as StreamEntry[]
        if (entries.length > 0) return await this.#withoutRemnants(entries.map(toStoredEntry))
        if (leftMs <= 0) return []
        if (!reader.isReady()) await setTimeout(Math.min(leftMs, 50)) // it reconnects a little after the main connection
        else await reader.run((redis) => redis.xread('COUNT', 1, 'BLOCK', this.#blockMs(leftMs), 'STREAMS', KEYS.log, after))
      }
    } catch (error) {
      if (this.#isClosed && waitMs > 0) return []
      throw error
    }
  }

  close (): void {
    this.#isClosed = true
    this.#options.reader.close()
  }

  /**
   * Replaces by ticks the outcomes that were appended again within the dedup time. A Redis that is killed amid a write truncates its file
   * within a transaction (up to 8.0 at least; Valkey fixed it in pull request 4342). The first part of that call, which nobody
   * acknowledged, comes back after a second crash, when the client has sent its outcomes again. The seen key names the entry that counts.
   */
  async #withoutRemnants (entries: StoredEntry[]): Promise<StoredEntry[]> {
    const ids = entries.flatMap(({ entry }) => entry.type === 'outcome' ? [entry.generation_id] : [])
    if (ids.length === 0) return entries
    const { main, remembered, limits } = this.#options
    const seen = (remembered === null ? await main.run((redis) => redis.mget(ids.map(seenKey))) : await remembered.values(ids)).values()
    return entries.map((stored) => {
      if (stored.entry.type !== 'outcome') return stored
      const later = parseInt(seen.next().value ?? '') - stored.time // NaN where the id was forgotten while its entry waited
      return later > 0 && later < limits.dedupSeconds * 1000 ? { ...stored, entry: { type: 'tick' } } : stored
    })
  }

  /** Splits a long wait into short ones, so that the command timeout also detects a connection that died silently. */
  #blockMs (leftMs: number): number { return Math.ceil(Math.min(leftMs, this.#options.timeoutMs / 2)) }
}

const hasId = (entry: LogEntry) => entry.type === 'outcome' || entry.type === 'label'

/**
 * Adds to keys and arguments, in place, those of the entries.
 * @param known what partitions remember of the ids, in the order of the entries that have one; absent: nothing is remembered there
 */
function withEntries (
  keys: string[], args: Array<string | number>, entries: readonly LogEntry[], keyOf: (generationId: string) => string,
  known?: ReadonlyArray<string | null>
): [keys: string[], args: Array<string | number>] {
  let next = 0
  for (const entry of entries) {
    const write = tableWrite(entry)
    const command = auditOf(entry)
    const other = entry.type === 'acknowledgement' ? KEYS.loss : KEYS.log
    keys.push(write !== null ? KEYS[write.table] : hasId(entry) ? keyOf(entry.generation_id) : other)
    args.push(entry.type, write?.key ?? awaits(entry).join(' '), write?.value ?? '', encodeEntry(entry), command === null ? '' : JSON.stringify(command))
    if (known !== undefined) args.push(...hasId(entry) ? [entry.generation_id, known[next++] ?? ''] : ['', ''])
  }
  return [keys, args]
}

function toStoredEntry ([cursor, [, text]]: StreamEntry): StoredEntry {
  return { cursor, time: toPlace(cursor)[0], entry: readEntry(text!) }
}
