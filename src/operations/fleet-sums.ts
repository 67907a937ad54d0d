import { ALARMS, type Alarm } from '../core/views/describe-row.js'
import type { Status } from '../core/views/describe-context.js'
import type { Policy } from '../core/policy/policy.js'
import { isoTime } from '../wire/to-wire.js'
import type { FleetRow, Scan } from './scan-fleet.js'

export interface FleetAlarm { readonly key: string, readonly alarm: Alarm, readonly since: string }

/** The reply of `GET /v1/fleet`. Counts of contexts are those of leaves, in which generations run. */
export interface FleetSums {
  readonly prefix: string
  readonly at: string
  readonly contexts: number
  readonly by_status: Readonly<Record<Status, number>>
  readonly by_mode: Readonly<Record<Policy['mode'], number>>
  readonly pinned: number
  readonly stopping: number
  readonly control_generations: number
  readonly treated_generations: number
  readonly tokens_saved: number
  readonly tokens_saved_gross: number
  readonly probe_tokens: number
  /** What the tokens saved are worth where the policy states a price, and how many of them it does so for. */
  readonly worth: number | null
  readonly tokens_priced: number
  readonly alarms: FleetAlarm[]
  readonly alarms_total: number
}

/** Alarms that are listed. */
const LISTED = 50

/** Sums the contexts of a scan. */
export function sumFleet ({ at, rows }: Scan, prefix: string): FleetSums {
  const leaves = rows.filter((row) => row.is_leaf)
  const sum = (field: 'control_generations' | 'treated_generations' | 'tokens_saved' | 'tokens_saved_gross' | 'probe_tokens', of = leaves) =>
    of.reduce((total, row) => total + row[field], 0)
  const count = <T extends string>(values: readonly T[], valueOf: (row: FleetRow) => T) =>
    Object.fromEntries(values.map((value) => [value, leaves.filter((row) => valueOf(row) === value).length])) as Record<T, number>
  const priced = leaves.filter((row) => row.price_per_1k_tokens !== null)
  const whole = rows.find(({ key }) => key === prefix) // it also counts what came when there was no room for further contexts
  const total = (field: 'tokens_saved' | 'tokens_saved_gross' | 'probe_tokens') => whole?.[field] ?? sum(field)
  const alarms = alarmsOf(rows)
  return {
    prefix,
    at: isoTime(at),
    contexts: leaves.length,
    by_status: count(['certified', 'learning', 'drifted'], ({ status }) => status),
    by_mode: count(['enforce', 'shadow', 'off'], ({ mode }) => mode),
    pinned: rows.filter((row) => row.is_pinned).length,
    stopping: leaves.filter(({ threshold, mode }) => threshold !== null && mode === 'enforce').length,
    control_generations: sum('control_generations'),
    treated_generations: sum('treated_generations'),
    tokens_saved: total('tokens_saved'),
    tokens_saved_gross: total('tokens_saved_gross'),
    probe_tokens: total('probe_tokens'),
    worth: priced.length === 0 ? null : priced.reduce((total, row) => total + row.tokens_saved / 1000 * row.price_per_1k_tokens!, 0),
    tokens_priced: sum('tokens_saved', priced),
    alarms: alarms.slice(0, LISTED),
    alarms_total: alarms.length,
  }
}

/** The gravest first, of equal ones the newest. Contexts that show only sums repeat what those below them report. */
function alarmsOf (rows: readonly FleetRow[]): FleetAlarm[] {
  return rows.filter((row) => row.is_certifying)
    .flatMap(({ key, alarms, changed_at: since }) => alarms.map((alarm) => ({ key, alarm, since })))
    .sort((a, b) => ALARMS.indexOf(a.alarm) - ALARMS.indexOf(b.alarm) || b.since - a.since)
    .map(({ since, ...alarm }) => ({ ...alarm, since: isoTime(since) }))
}
