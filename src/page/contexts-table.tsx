import { useEffect, useRef, useState } from 'preact/hooks'
import type { ComponentChildren } from 'preact'
import { hashWith, useHash } from './address.js'
import type { FleetPageReply, FleetRow } from './api.js'
import { count, words, ago, percent, points, rate, short, threshold } from './format.js'
import { useData } from './live.js'
import { Card, KeyText, Loading, DropBar, Badge, Pager } from './parts.js'
import { usePhone } from './phone.js'
import { parseRoute, routeTo } from './route.js'

/** The view of the table. It is in the address, so that links and the buttons back and forward restore it. */
interface Filter {
  readonly search: string
  readonly status: string
  readonly sort: string
  readonly descending: boolean
  readonly offset: number
}

function filterIn (hash: string): Filter {
  const { query } = parseRoute(hash)
  return {
    search: query.get('search') ?? '',
    status: query.get('status') ?? '',
    sort: query.get('sort') ?? 'tokens_saved',
    descending: query.get('descending') !== 'false',
    offset: Number(query.get('offset') ?? 0) || 0,
  }
}

/** The fragment with another filter. Defaults are left out. */
function hashOf (hash: string, { search, status, sort, descending, offset }: Filter): string {
  const order = sort === 'tokens_saved' && descending ? { sort: '', descending: '' } : { sort, descending: String(descending) }
  return hashWith(hash, { search, status, ...order, offset: offset === 0 ? '' : String(offset) })
}

function useFilter (): readonly [Filter, (change: Partial<Filter>) => void] {
  const [hash, setHash] = useHash()
  /** Other rows begin with their first page. A search that is typed on replaces its beginning in the history of the browser. */
  function change (fields: Partial<Filter>): void {
    const present = filterIn(location.hash)
    const next = hashOf(location.hash, { ...present, offset: 0, ...fields })
    if (next === hashOf(location.hash, present)) return
    const isTypedOn = fields.search !== undefined && present.search !== ''
    if (isTypedOn) history.replaceState(null, '', next); else history.pushState(null, '', next)
    setHash(next)
  }
  return [filterIn(hash), change]
}

/** Rows of a page. */
const PAGE = { wide: 50, phone: 5 }
/** Pause in typing after which a search is sent, ms. */
const PAUSE_MS = 200

/**
 * Contexts, which the service searches, sorts and cuts into pages.
 * @param prefix only contexts within this one; absent: all
 */
export function ContextsTable ({ prefix }: { prefix?: string } = {}) {
  const [{ search: sent, status, sort, descending, offset }, change] = useFilter()
  const size = usePhone() ? PAGE.phone : PAGE.wide
  const [search, setSearch] = useState(sent)
  useEffect(() => { setSearch(sent) }, [sent])
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (search === sent) return
    const timer = setTimeout(() => { change({ search }) }, PAUSE_MS)
    return () => { clearTimeout(timer) }
  }, [search])
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.target instanceof HTMLInputElement || document.querySelector('dialog[open]') !== null) return
      event.preventDefault()
      field.current?.focus()
    }
    document.addEventListener('keydown', focus)
    return () => { document.removeEventListener('keydown', focus) }
  }, [])
  const order = (by: string) => {
    const isNumber = CONTEXT_COLUMNS.some((column) => column.sort === by && column.isNumber === true)
    change({ sort: by, descending: by === sort ? !descending : isNumber })
  }
  const query = new URLSearchParams({
    sort,
    descending: String(descending),
    offset: String(offset),
    limit: String(size),
    ...(sent && { search: sent }),
    ...(status && { status }),
    ...(prefix !== undefined && { prefix }),
  })
  const { data, error } = useData<FleetPageReply>(`v1/fleet/contexts?${query.toString()}`)
  const direction = descending ? 'descending' : 'ascending'
  const last = useRef<FleetPageReply | null>(null)
  if (data !== null) last.current = data
  const page = data ?? last.current

  return (
    <Card
      title='Contexts' actions={
        <div class='filters'>
          <input
            ref={field} type='search' aria-label='Search' placeholder='Search ( / )' value={search}
            onInput={({ currentTarget }) => { setSearch(currentTarget.value) }}
          />
          <select aria-label='Status' value={status} onChange={({ currentTarget }) => { change({ status: currentTarget.value }) }}>
            <option value=''>every status</option>
            {['certified', 'suspended', 'learning', 'unlikely', 'drifted'].map((value) => <option key={value}>{value}</option>)}
          </select>
          <select class='phone-only' aria-label='Sort by' value={sort} onChange={({ currentTarget: { value } }) => { order(value) }}>
            {CONTEXT_COLUMNS.map(({ head, sort: by }) => <option key={by} value={by}>by {head}</option>)}
          </select>
        </div>
      }
    >
      {page === null
        ? <Loading error={error} />
        : (
          <>
            {error !== null && <Loading error={error} />}
            <div class='scroll' tabIndex={0} role='region' aria-label='Contexts'>
              <table class='cards'>
                <caption class='visually-hidden'>Contexts, sorted by {words(sort)}, {descending ? 'largest' : 'smallest'} first</caption>
                <thead>
                  <tr>
                    {CONTEXT_COLUMNS.map(({ head, sort: by, isNumber }) => (
                      <th key={by} scope='col' class={isNumber ? 'number' : ''} aria-sort={by === sort ? direction : undefined}>
                        <button type='button' onClick={() => { order(by) }}>
                          {head}<span aria-hidden='true'>{by === sort ? (descending ? ' ↓' : ' ↑') : ''}</span>
                        </button>
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {page.contexts.map((row) => (
                    <tr key={row.key}>
                      {CONTEXT_COLUMNS.map(({ head, sort: by, isNumber, cell }) => (
                        <td key={by} data-head={head} class={isNumber ? 'number' : ''}><span>{cell(row)}</span></td>
                      ))}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <Pager {...{ offset, size }} shown={page.contexts.length} total={page.total} onMove={(offset) => { change({ offset }) }} />
          </>
          )}
    </Card>
  )
}

/** A column of the table of contexts, and the service's name for the order by it. */
interface ContextColumn {
  readonly head: string
  readonly sort: string
  readonly isNumber?: boolean
  readonly cell: (row: FleetRow) => ComponentChildren
}

function Name ({ name, alarm }: { name: string, alarm: string | undefined }) {
  return (
    <>
      <a href={routeTo('context', name)}><KeyText name={name} /></a>
      {alarm !== undefined && <span class='warn-text'> <span aria-hidden='true'>▲</span> {words(alarm)}</span>}
    </>
  )
}

/** A pin takes the place of the status: the certified threshold is not in force. */
function States ({ row: { key, status, mode, pinned_at: pinnedAt, is_leaf: isLeaf } }: { row: FleetRow }) {
  return (
    <>
      <Badge kind={pinnedAt === null ? status : 'pinned'}>{pinnedAt !== null && pinnedAt !== key ? 'pinned by its pool' : undefined}</Badge>
      {mode !== 'enforce' && <Badge kind={mode} />}
      {!isLeaf && <span class='badge plain'>pool</span>}
    </>
  )
}

function Drop ({ row: { em_drop: drop, em_drop_low: low, em_drop_high: high, max_em_drop: bound } }: { row: FleetRow }) {
  return drop === null ? <span class='muted'>– of {points(bound, 1)}</span> : <DropBar drop={drop} low={low} high={high} bound={bound} />
}

function Beside ({ children, note }: { children: ComponentChildren, note: string | null }) {
  return <>{children}{note !== null && <span class='muted'> {note}</span>}</>
}

const CONTEXT_COLUMNS: readonly ContextColumn[] = [
  { head: 'Context', sort: 'key', cell: ({ key, alarms }) => <Name name={key} alarm={alarms[0]} /> },
  { head: 'Status', sort: 'status', cell: (row) => <States row={row} /> },
  { head: 'Threshold', sort: 'threshold', isNumber: true, cell: (row) => threshold(row.threshold) },
  { head: 'EM drop and bound', sort: 'em_drop', isNumber: true, cell: (row) => <Drop row={row} /> },
  {
    head: 'Tokens saved, net',
    sort: 'tokens_saved',
    isNumber: true,
    cell: ({ tokens_saved: saved, tokens_saved_ratio: ratio }) =>
      saved === null && ratio !== null ? <span class='muted'>not known yet, {percent(ratio)} at the threshold</span> : <Beside note={ratio === null ? null : percent(ratio)}>{short(saved)}</Beside>,
  },
  {
    head: 'Evidence',
    sort: 'control_generations',
    isNumber: true,
    cell: ({ control_generations: generations, generations_to_next_certificate: more }) =>
      <Beside note={more === null ? null : more === 0 ? 'next when open ones end' : `+${count(more)} to next`}>{count(generations)}</Beside>,
  },
  { head: 'Generations/h', sort: 'generations_per_hour', isNumber: true, cell: (row) => rate(row.generations_per_hour) },
  { head: 'Last outcome', sort: 'updated_at', isNumber: true, cell: (row) => ago(row.updated_at, Date.now()) },
]
