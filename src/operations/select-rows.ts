import { isWithin } from '../core/policy/context.js'
import type { Static } from '#typebox'
import type { FleetPageQuerySchema } from '../../openapi/fleet-schemas.js'
import type { ContextRow } from '../core/views/describe-row.js'
import { isoTime, poolToWire } from '../wire/to-wire.js'
import type { Scan } from './scan-fleet.js'

/** What is asked for, as in `GET /v1/fleet/contexts`, with its defaults. */
type Asked = Static<typeof FleetPageQuerySchema>
export type RowQuery = Asked & Required<Pick<Asked, 'prefix' | 'sort' | 'descending' | 'offset' | 'limit'>>

/** A page of the rows of a scan, which are in the order asked for, and how many there are in all. */
export function selectRows ({ at, rows }: Scan, { prefix, search = '', status, sums = false, offset, limit }: RowQuery) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const found = rows.filter((row) => isWithin(row.key, prefix) && (sums || row.is_leaf || row.is_certifying) &&
    (status === undefined || row.status === status) && (words.length === 0 || holds(row.key.toLowerCase(), words)))
  return { at: isoTime(at), total: found.length, contexts: found.slice(offset, offset + limit).map(rowToWire) }
}

function holds (key: string, words: readonly string[]): boolean { return words.every((word) => key.includes(word)) }

/** A row as replies have it, with times in ISO 8601. */
function rowToWire (all: ContextRow) {
  const { price_per_1k_tokens: _, tokens_saved_gross: _gross, probe_tokens: _probes, withdrawn_at: _at, ...row } = all
  return { ...row, pool: poolToWire(row.pool), changed_at: isoTime(row.changed_at), updated_at: isoTime(row.updated_at) }
}
