import type { ComponentChildren } from 'preact'
import type { ContextRow } from './api-types.js'
import { DropBar } from './drop-bar.js'
import { ago, count, percent, points, short, thresholds, words } from './format.js'
import { Badge } from './parts.js'
import { routeTo } from './route.js'

/** A column of the table of contexts, and what the service calls the order by it. */
export interface ContextColumn {
  readonly head: string
  readonly sort: string
  readonly isNumber?: boolean
  readonly cell: (row: ContextRow) => ComponentChildren
}

function Name ({ name, alarm }: { name: string, alarm: string | undefined }) {
  return (
    <>
      <a href={routeTo('context', name)}>{name}</a>
      {alarm !== undefined && <span class='warn-text'> <span aria-hidden='true'>▲</span> {words(alarm)}</span>}
    </>
  )
}

function States ({ row: { status, mode, is_pinned: isPinned, is_leaf: isLeaf } }: { row: ContextRow }) {
  return (
    <>
      <Badge kind={status} />
      {mode !== 'enforce' && <Badge kind={mode} />}
      {isPinned && <Badge kind='pinned' />}
      {!isLeaf && <span class='badge plain'>pool</span>}
    </>
  )
}

function Drop ({ row: { em_drop: drop, em_drop_low: low, em_drop_high: high, max_em_drop: bound } }: { row: ContextRow }) {
  return drop === null ? <span class='muted'>– of {points(bound, 1)}</span> : <DropBar drop={drop} low={low} high={high} bound={bound} />
}

function Beside ({ children, note }: { children: ComponentChildren, note: string | null }) {
  return <>{children}{note !== null && <span class='muted'> {note}</span>}</>
}

export const CONTEXT_COLUMNS: readonly ContextColumn[] = [
  { head: 'Context', sort: 'key', cell: ({ key, alarms }) => <Name name={key} alarm={alarms[0]} /> },
  { head: 'Status', sort: 'status', cell: (row) => <States row={row} /> },
  { head: 'Threshold', sort: 'threshold', isNumber: true, cell: (row) => thresholds(row) },
  { head: 'EM drop of bound', sort: 'em_drop', isNumber: true, cell: (row) => <Drop row={row} /> },
  {
    head: 'Tokens saved, net',
    sort: 'tokens_saved',
    isNumber: true,
    cell: ({ tokens_saved: saved, tokens_saved_ratio: ratio }) =>
      <Beside note={ratio === null ? null : percent(ratio)}>{short(saved)}</Beside>,
  },
  {
    head: 'Evidence',
    sort: 'control_generations',
    isNumber: true,
    cell: ({ control_generations: generations, generations_to_next_certificate: more }) =>
      <Beside note={more === null ? null : `+${count(more)} to next`}>{count(generations)}</Beside>,
  },
  { head: 'Last change', sort: 'changed_at', isNumber: true, cell: (row) => ago(row.changed_at, Date.now()) },
]
