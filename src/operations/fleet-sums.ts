import { ALARMS, type Alarm, type ContextRow } from '../core/views/describe-row.js'
import { isoTime } from '../wire/to-wire.js'
import type { Scan } from './scan-fleet.js'

/** Alarms that are listed. */
const LISTED = 50

const TOKENS = ['tokens_saved', 'tokens_saved_gross', 'probe_tokens'] as const

/** The reply of `GET /v1/fleet`: sums over the leaves of a scan, in which generations run. One pass, since there may be ten thousand. */
export function sumFleet ({ at, rows }: Scan, prefix: string) {
  const tokens = { tokens_saved: 0, tokens_saved_gross: 0, probe_tokens: 0 }
  const byStatus = { certified: 0, learning: 0, drifted: 0 }
  const byMode = { enforce: 0, shadow: 0, off: 0 }
  let [contexts, pinned, stopping, control, treated, worth, priced] = [0, 0, 0, 0, 0, 0, 0]
  let hasPrice = false
  for (const row of rows) {
    if (row.is_pinned) pinned++
    if (!row.is_leaf) continue
    contexts++
    byStatus[row.status]++
    byMode[row.mode]++
    if (row.threshold !== null && row.mode === 'enforce') stopping++
    control += row.control_generations
    treated += row.treated_generations
    for (const field of TOKENS) tokens[field] += row[field]
    if (row.price_per_1k_tokens === null) continue
    hasPrice = true
    priced += row.tokens_saved
    worth += row.tokens_saved / 1000 * row.price_per_1k_tokens
  }
  const whole = rows.find(({ key }) => key === prefix) // it also counts what came when there was no room for further contexts
  if (whole !== undefined) for (const field of TOKENS) tokens[field] = whole[field]
  const alarms = alarmsOf(rows)
  return {
    prefix,
    at: isoTime(at),
    contexts,
    by_status: byStatus,
    by_mode: byMode,
    pinned,
    stopping,
    control_generations: control,
    treated_generations: treated,
    ...tokens,
    /** What the tokens saved are worth where the policy states a price, and how many of them it does so for. */
    worth: hasPrice ? worth : null,
    tokens_priced: priced,
    alarms: alarms.slice(0, LISTED).map(({ rank: _, since, ...alarm }) => ({ ...alarm, since: since === null ? null : isoTime(since) })),
    alarms_total: alarms.length,
  }
}

/** Alarms of a threshold that was taken back, which is the only beginning of an alarm that a state knows. */
const WITHDRAWALS: ReadonlySet<Alarm> = new Set(['drift', 'breach', 'left_pool'])

/** The gravest first, of equal ones the newest. Contexts that show only sums repeat what those below them report. */
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
