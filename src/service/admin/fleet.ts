import type { Static } from '#typebox'
import type { FleetPageQuerySchema } from '../../../openapi/fleet-schemas.js'
import { isoTime, poolToWire } from '../../../openapi/wire.js'
import type { SavingsHour } from '../../core/stats/index.js'
import { isWithin, ROOT } from '../../core/policy/index.js'
import { WITHDRAWALS } from '../../core/learn/index.js'
import { type Alarm, ALARMS, type ContextRow, type RowOrder, type Status } from '../../core/reports/index.js'
import type { Config } from '../config/config.js'
import { checkKey } from './context-reader.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { snapshotView } from '../health/readiness.js'
import type { FleetScan } from './scan-fleet.js'

export type Fleet = ReturnType<typeof createFleetReader>

interface FleetServices {
  /** Reads all contexts; readers share a scan for a time. */
  readonly scan: () => Promise<FleetScan>
  readonly snapshotHolder: Pick<SnapshotHolder, 'ageSeconds' | 'freshness' | 'snapshot'>
  readonly config: Config
}

/** Readers of all contexts at once, for operators. They also share the sums and the orders that were asked for. */
export function createFleetReader ({ scan, snapshotHolder, config }: FleetServices) {
  const sumsOf = oncePerScan(({ at, rows, hours }, prefix: string) => {
    return sumFleet({ at, hours, rows: rows.filter(({ key }) => isWithin(key, prefix)) }, prefix)
  })
  const inOrder = oncePerScan(({ rows }, [sort, descending]: readonly [RowOrder, boolean]) => sortContextRows(rows, sort, descending))

  return {
    /** @throws InvalidKeyError */
    async sums (prefix: string) {
      checkKey(config, prefix, '/prefix')
      return { ...sumsOf(await scan(), prefix), snapshot: snapshotView(snapshotHolder) }
    },
    /** @throws InvalidKeyError */
    async rows (query: RowQuery) {
      checkKey(config, query.prefix, '/prefix')
      const all = await scan()
      const rows = inOrder(all, [query.sort, query.descending])
      return { ...selectRows({ at: all.at, rows }, query), snapshot: snapshotView(snapshotHolder) }
    },
  }
}

/** Caches the rows of a scan as long as the scan is in use: with 10,000 contexts they take some 20 ms. */
function oncePerScan<A, T> (compute: (scan: FleetScan, asked: A) => T): (scan: FleetScan, asked: A) => T {
  const known = new WeakMap<FleetScan, Map<string, T>>()
  return (scan, asked) => {
    const results = known.get(scan) ?? new Map<string, T>()
    known.set(scan, results)
    const name = String(asked)
    const result = results.get(name) ?? compute(scan, asked)
    results.set(name, result)
    return result
  }
}

/** Alarms that are listed. */
const LISTED = 50

const TOKENS = ['tokens_saved', 'tokens_saved_low', 'tokens_saved_high', 'tokens_saved_gross', 'probe_tokens'] as const
type Tokens = Pick<ContextRow, typeof TOKENS[number]>
const NO_TOKENS: Tokens = { tokens_saved: 0, tokens_saved_low: 0, tokens_saved_high: 0, tokens_saved_gross: 0, probe_tokens: 0 }

/** The reply of `GET /v1/fleet`: sums over the leaves of a scan, in which generations run. One pass, since there may be ten thousand. */
export function sumFleet ({ at, rows, hours }: Omit<FleetScan, 'today'>, prefix: string) {
  const byStatus = { certified: 0, suspended: 0, learning: 0, unlikely: 0, drifted: 0 }
  const byMode = { enforce: 0, shadow: 0, off: 0 }
  let [contexts, pinned, stopping, control, treated] = [0, 0, 0, 0, 0]
  const present = { tokens: 0, saved: 0, generations: 0, lost: 0, allowed: 0 }
  for (const row of rows) {
    if (row.is_pinned) pinned++
    if (!row.is_leaf) continue
    contexts++
    byStatus[row.status]++
    byMode[row.mode]++
    if (row.threshold !== null && row.mode === 'enforce') stopping++
    control += row.control_generations ?? 0
    treated += row.treated_generations ?? 0
    addPresent(present, row)
  }
  const whole = rows.find(({ key }) => key === prefix) // it also counts outcomes for whose contexts there was no room
  const tokens = Object.fromEntries(TOKENS.map((field) => [field, (whole ?? NO_TOKENS)[field]])) as Tokens
  const alarms = alarmsOf(rows)
  return {
    prefix,
    at: at === null ? null : isoTime(at),
    contexts,
    by_status: byStatus,
    by_mode: byMode,
    pinned,
    stopping,
    control_generations: control,
    treated_generations: treated,
    ...tokens,
    tokens_saved_ratio: present.tokens === 0 ? null : present.saved / present.tokens,
    em_drop: present.generations === 0 ? null : present.lost / present.generations,
    max_em_drop: present.generations === 0 ? null : present.allowed / present.generations,
    saved_by_hour: prefix === ROOT ? hours.map(hourToWire) : [],
    alarms: alarms.slice(0, LISTED).map(({ rank: _, since, ...alarm }) => ({ ...alarm, since: since === null ? null : isoTime(since) })),
    alarms_total: alarms.length,
  }
}

const hourToWire = ({ at, ...figures }: SavingsHour) => ({ at: isoTime(at), ...figures })

/**
 * Adds the present savings and losses of a leaf, by its threshold, control share and spending on probes: of their tokens in
 * full the treated ones save a part, and probes take a part of the rest.
 */
function addPresent (sums: { tokens: number, saved: number, generations: number, lost: number, allowed: number }, row: ContextRow): void {
  const generations = (row.control_generations ?? 0) + (row.treated_generations ?? 0)
  const isStopping = row.threshold !== null && row.mode === 'enforce'
  const stopped = isStopping ? (1 - (row.control_share ?? 0)) * (row.tokens_saved_gross_ratio ?? 0) : 0
  const overhead = row.mode === 'off' ? 0 : row.probe_overhead ?? 0 // nothing is probed in mode off
  const full = stopped < 1 ? generations * row.tokens_mean / (1 - stopped) : 0
  sums.tokens += full
  sums.saved += full * (stopped - overhead * (1 - stopped))
  sums.generations += generations
  sums.lost += isStopping ? generations * (row.em_drop ?? 0) : 0
  sums.allowed += generations * row.max_em_drop
}

/**
 * The gravest first, of equal ones the newest. A state knows when an alarm began only if that withdrew a threshold. Contexts that show only
 * sums repeat what those below them report.
 */
function alarmsOf (rows: readonly ContextRow[]) {
  const alarms: Array<{ key: string, alarm: Alarm, since: number | null, rank: number }> = []
  for (const { key, is_certifying: isCertifying, alarms: own, withdrawn_at: withdrawnAt } of rows) {
    for (const alarm of own) {
      if (!isCertifying && alarm !== 'left_pool') continue
      alarms.push({ key, alarm, since: WITHDRAWALS.has(alarm) ? withdrawnAt : null, rank: ALARMS.indexOf(alarm) })
    }
  }
  return alarms.sort((a, b) => a.rank - b.rank || (b.since ?? 0) - (a.since ?? 0))
}

/** The query of `GET /v1/fleet/contexts`, with its defaults. */
type Asked = Static<typeof FleetPageQuerySchema>
type RowQuery = Asked & Required<Pick<Asked, 'prefix' | 'sort' | 'descending' | 'offset' | 'limit'>>

/** A page of the rows of a scan, which are in the order asked for, and how many there are in all. */
export function selectRows ({ at, rows }: Pick<FleetScan, 'at' | 'rows'>, { prefix, search = '', status, sums = false, offset, limit }: RowQuery) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const found = rows.filter((row) => isWithin(row.key, prefix) && (sums || row.is_leaf || row.is_certifying) &&
    (status === undefined || row.status === status) && (words.length === 0 || holds(row.key.toLowerCase(), words)))
  return { at: at === null ? null : isoTime(at), total: found.length, contexts: found.slice(offset, offset + limit).map(rowToWire) }
}

function holds (key: string, words: readonly string[]): boolean { return words.every((word) => key.includes(word)) }

/** A row as replies have it, with times in ISO 8601. */
function rowToWire (all: ContextRow) {
  const {
    tokens_saved_gross: _gross, probe_tokens: _probes, withdrawn_at: _at, tokens_saved_gross_ratio: _ratio,
    probe_overhead: _overhead, control_share: _share, tokens_mean: _mean, ...row
  } = all
  const timeOf = (at: number | null) => at === null ? null : isoTime(at)
  return { ...row, pool: poolToWire(row.pool), updated_at: timeOf(row.updated_at) }
}

const STATUS_ORDER: Readonly<Record<Status, number>> = { drifted: 0, suspended: 1, unlikely: 2, learning: 3, certified: 4 }

/** Rows by a figure. Those without a value come last in either direction; of equal rows the key decides. */
export function sortContextRows (rows: readonly ContextRow[], sort: RowOrder, descending: boolean): ContextRow[] {
  const sign = descending ? -1 : 1
  const valueOf = (row: ContextRow) => sort === 'status' ? STATUS_ORDER[row.status] : row[sort]
  return [...rows].sort((a, b) => compare(valueOf(a), valueOf(b), sign) || (a.key < b.key ? -1 : 1))
}

function compare (a: string | number | null, b: string | number | null, sign: number): number {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? 1 : -1
  return a < b ? -sign : sign
}
