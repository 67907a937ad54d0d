import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { ApiError } from './api.js'
import { clockTime, count, words, points } from './format.js'
import { usePhone } from './phone.js'

/** Signs of states, so that colour is never the only one. */
const SIGNS: Readonly<Record<string, string>> = { certified: '●', suspended: '◍', learning: '◐', unlikely: '◔', drifted: '▲', enforce: '▶', shadow: '◌', off: '■', pinned: '◆', good: '✓' }

export function Badge ({ kind, children }: { kind: string, children?: ComponentChildren }) {
  return <span class={`badge ${kind}`}><span aria-hidden='true'>{SIGNS[kind] ?? '▲'}</span> {children ?? words(kind)}</span>
}

/** Longer parts of a key are broken anywhere. */
const WHOLE = 40

/** A context key, or another name, that is broken after commas rather than at hyphens. */
export function KeyText ({ name }: { name: string }) {
  const parts = name.split(/(?<=,)/)
  return <>{parts.map((part, i) => [i > 0 && <wbr />, <span key={i} class={part.length > WHOLE ? 'key' : 'key-part'}>{part}</span>])}</>
}

export function Tile ({ title, value, children }: { title: string, value: ComponentChildren, children?: ComponentChildren }) {
  return <section class='tile'><h2>{title}</h2><p class='value'>{value}</p>{children !== undefined && <div class='note'>{children}</div>}</section>
}

interface CardProps {
  readonly title: string
  readonly note?: ComponentChildren
  readonly actions?: ComponentChildren
  /** Whether it begins folded on a phone. */
  readonly isDetail?: boolean
  readonly children: ComponentChildren
}

export function Card ({ title, note, actions, isDetail = false, children }: CardProps) {
  const isPhone = usePhone()
  const noteText = note !== undefined && <p class='note'>{note}</p>
  if (isDetail && isPhone) return <details class='card' aria-label={title}><summary><h2>{title}</h2></summary>{noteText}{children}</details>
  return (
    <section class='card' aria-label={title}>
      <div class='card-head'><h2>{title}</h2>{actions}</div>
      {noteText}
      {children}
    </section>
  )
}

/** Says how old the figures are, where they could not be read again. */
export function Age ({ since }: { since: number | null }) {
  return since === null ? null : <p class='problem' role='status'><span aria-hidden='true'>▲</span> These figures are old: they were read at {clockTime(new Date(since).toISOString())}.</p>
}

/** A placeholder until data has arrived, or an error instead of it. */
export function Loading ({ error }: { error: ApiError | null }) {
  if (error === null) return <p class='note' role='status'>Reading …</p>
  return <p class='problem' role='alert'><span aria-hidden='true'>▲</span> {error.message}</p>
}

export interface Column<R> {
  readonly head: string
  readonly cell: (row: R) => ComponentChildren
  readonly isNumber?: boolean
}

interface TableProps<R> {
  readonly caption: string
  readonly columns: ReadonlyArray<Column<R>>
  readonly rows: readonly R[]
  readonly empty?: string
  /** Rows of a page on a phone. */
  readonly phoneRows?: number
}

/** Rows of a page of a table: on a phone each one is a card of a fifth of its height. */
const PAGE = { wide: 50, phone: 4 }

export function Table<R> ({ caption, columns, rows, empty = 'Nothing yet.', phoneRows = PAGE.phone }: TableProps<R>) {
  const size = usePhone() ? phoneRows : PAGE.wide
  const [offset, setOffset] = useState(0)
  if (rows.length === 0) return <p class='note'>{empty}</p>
  const shown = rows.slice(offset, offset + size)
  return (
    <>
      <div class='scroll' tabIndex={0} role='region' aria-label={caption}>
        <table class={columns.length > 3 ? 'cards' : ''}>
          <caption class='visually-hidden'>{caption}</caption>
          <thead><tr>{columns.map(({ head, isNumber }) => <th key={head} scope='col' class={isNumber ? 'number' : ''}>{head}</th>)}</tr></thead>
          <tbody>
            {shown.map((row, i) => (
              <tr key={i}>{columns.map(({ head, cell, isNumber }) => <td key={head} data-head={head} class={isNumber ? 'number' : ''}><span>{cell(row)}</span></td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > size && <Pager offset={offset} size={size} shown={shown.length} total={rows.length} onMove={setOffset} />}
    </>
  )
}

interface PagerProps {
  readonly offset: number
  /** Rows of a full page. */
  readonly size: number
  readonly shown: number
  readonly total: number
  readonly onMove: (offset: number) => void
}

export function Pager ({ offset, size, shown, total, onMove }: PagerProps) {
  return (
    <div class='pager'>
      <span role='status'>{total === 0 ? 'Nothing found' : `${count(offset + 1)}–${count(offset + shown)} of ${count(total)}`}</span>
      {total > size && (
        <>
          <button type='button' disabled={offset === 0} onClick={() => { onMove(Math.max(0, offset - size)) }}>Previous</button>
          <button type='button' disabled={offset + shown >= total} onClick={() => { onMove(offset + size) }}>Next</button>
        </>
      )}
    </div>
  )
}

/** Where a fraction of the bound lies in the bar, which ends at twice the bound. */
function place (value: number, bound: number): string { return `${Math.min(100, Math.max(0, value / bound * 50))}%` }

interface DropBarProps {
  readonly drop: number
  readonly low: number | null
  readonly high: number | null
  readonly bound: number
  /** The text above the bar. */
  readonly children?: ComponentChildren
}

/** An EM drop with its interval against the bound, in words and as a bar. */
export function DropBar ({ drop, low, high, bound, children }: DropBarProps) {
  return (
    <span class='drop'>
      <span>{children ?? <>{points(drop)} <span class='muted'>of {points(bound, 1)}</span></>}</span>
      <span class='drop-bar' aria-hidden='true'>
        {low !== null && high !== null && <span class='interval' style={{ left: place(low, bound), right: `calc(100% - ${place(high, bound)})` }} />}
        <span class={drop > bound ? 'mark bad' : 'mark'} style={{ left: place(drop, bound) }} />
        <span class='bound' />
      </span>
    </span>
  )
}
