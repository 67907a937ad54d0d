import { isWithin } from '../core/policy/context.js'
import type { Status } from '../core/views/describe-context.js'
import type { ContextRow, RowOrder } from '../core/views/describe-row.js'
import { isoTime, poolToWire, type WirePool } from '../wire/to-wire.js'
import type { Scan } from './scan-fleet.js'

export interface RowQuery {
  readonly prefix: string
  /** Words, each of which the key holds, in any case of letters. */
  readonly search?: string | undefined
  readonly status?: Status | undefined
  /** Also contexts that show only the sums of those below. */
  readonly sums?: boolean | undefined
  readonly sort: RowOrder
  readonly descending: boolean
  readonly offset: number
  readonly limit: number
}

/** A row as replies have it, with times in ISO 8601. */
export type WireRow = Omit<ContextRow, 'pool' | 'withdrawn_at' | 'changed_at' | 'updated_at' | 'price_per_1k_tokens' | 'tokens_saved_gross' | 'probe_tokens'> &
  { readonly pool: WirePool | null, readonly changed_at: string, readonly updated_at: string }

/** A page of rows, and how many there are in all. */
export interface RowPage { readonly at: string, readonly total: number, readonly contexts: WireRow[] }

/** Filters the rows of a scan, which are in the order asked for, and cuts them. */
export function selectRows ({ at, rows }: Scan, { prefix, search = '', status, sums = false, offset, limit }: RowQuery): RowPage {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const found = rows.filter((row) => isWithin(row.key, prefix) && (sums || row.is_leaf || row.is_certifying) &&
    (status === undefined || row.status === status) && (words.length === 0 || holds(row.key.toLowerCase(), words)))
  return { at: isoTime(at), total: found.length, contexts: found.slice(offset, offset + limit).map(rowToWire) }
}

function holds (key: string, words: readonly string[]): boolean { return words.every((word) => key.includes(word)) }

function rowToWire (all: ContextRow): WireRow {
  const { price_per_1k_tokens: _, tokens_saved_gross: _gross, probe_tokens: _probes, withdrawn_at: _at, ...row } = all
  return { ...row, pool: poolToWire(row.pool), changed_at: isoTime(row.changed_at), updated_at: isoTime(row.updated_at) }
}
