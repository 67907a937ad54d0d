import { useState } from 'preact/hooks'
import { useParameter } from './address.js'
import type { StopsReply } from './api.js'
import { clockTime, count, decimals, NONE } from './format.js'
import { useData } from './live.js'
import { Age, Card, KeyText, Loading, Table } from './parts.js'
import { usePhone } from './phone.js'
import { routeTo } from './route.js'

type Stop = StopsReply['stops'][number]

const COLUMNS = [
  { head: 'Time', cell: (stop: Stop) => clockTime(stop.at) },
  { head: 'Generation', cell: (stop: Stop) => <a href={routeTo('generation', stop.generation_id)}>{stop.generation_id}</a> },
  { head: 'Context', cell: (stop: Stop) => <a href={routeTo('context', stop.context)}><KeyText name={stop.context} /></a> },
  { head: 'Tokens', cell: (stop: Stop) => count(stop.tokens), isNumber: true },
  { head: 'Score', cell: (stop: Stop) => stop.score === null ? 'not reported' : decimals(stop.score, 4), isNumber: true },
  {
    head: 'Threshold',
    cell: (stop: Stop) => <a href={routeTo('changes', stop.threshold_context)} title='Show how this threshold moved'>{stop.threshold === null ? 'its history' : decimals(stop.threshold, 4)}</a>,
    isNumber: true,
  },
  { head: 'Version', cell: (stop: Stop) => stop.snapshot_version ?? NONE, isNumber: true },
  { head: 'Decided by', cell: (stop: Stop) => stop.decided_by },
  { head: 'Served answer', cell: (stop: Stop) => served(stop) },
]

function served ({ outcome }: Stop): string {
  if (outcome === null) return 'not reported'
  const { em, as_probed: isAsProbed, answer } = outcome
  const grade = em === null ? 'no label' : em === 1 ? 'right' : 'wrong'
  return `${grade}${isAsProbed === false ? ', not as probed' : ''}${answer === undefined ? '' : `: ${answer.slice(0, ANSWER_LENGTH)}`}`
}

/** Characters of an answer that are shown. */
const ANSWER_LENGTH = 80

interface StopsFilter {
  /** A context: its stops, and those below it. */
  readonly prefix?: string
  readonly generation_id?: string
  /** `0`: wrong answers. */
  readonly em?: string
  readonly since?: string
  readonly until?: string
}

/** Stops, newest first. */
export function StopsList ({ filter }: { filter: StopsFilter }) {
  const [pages, setPages] = useState<readonly string[]>([])
  const before = pages.at(-1)
  const limit = usePhone() ? 4 : 25
  const query = new URLSearchParams({ limit: `${limit}`, ...filter, ...(before !== undefined && { before }) })
  const { data, error, staleSince } = useData<StopsReply>(`v1/stops?${query.toString()}`)
  if (data === null) return <Loading error={error} />
  return (
    <>
      <Age since={staleSince} />
      <Table caption='Stops' columns={COLUMNS} rows={data.stops} empty={emptyText(filter, before !== undefined, data.next !== null)} />
      {(pages.length > 0 || data.next !== null) && (
        <div class='pager'>
          <button type='button' disabled={pages.length === 0} onClick={() => { setPages(pages.slice(0, -1)) }}>Newer</button>
          <button type='button' disabled={data.next === null} onClick={() => { setPages([...pages, data.next!]) }}>Older</button>
        </div>
      )}
    </>
  )
}

function emptyText ({ generation_id: id, em, since, until }: StopsFilter, isPaged: boolean, isUnfinished: boolean): string {
  if (isUnfinished) return 'None was found so far: go on with older ones.'
  if (isPaged) return 'There are no older stops.'
  if (id !== undefined) return 'No stop of this generation is kept either.'
  return em === undefined && since === undefined && until === undefined ? 'No generation was stopped here lately.' : 'No stop is like this.'
}

/** Recent stops with filters by context, answer and time. */
export function RecentStops () {
  const [prefix, setPrefix] = useParameter('stops')
  const [em, setEm] = useParameter('em')
  const [since, setSince] = useParameter('since')
  const [until, setUntil] = useParameter('until')
  const [text, setText] = useState(prefix)
  const filter = { ...(prefix !== '' && { prefix }), ...(em !== '' && { em }), ...(since !== '' && { since }), ...(until !== '' && { until }) }
  return (
    <Card title='Recent stops' note='Every stop of the last week, unless configured otherwise. Choose a threshold to see how it moved.'>
      <form class='filters' onSubmit={(event) => { event.preventDefault(); setPrefix(text.trim()) }}>
        <input type='search' aria-label='Context of the stops' placeholder='model=…,task=…' value={text} onInput={({ currentTarget }) => { setText(currentTarget.value) }} />
        <button type='submit'>Filter</button>
        <select aria-label='Served answer' value={em} onChange={({ currentTarget }) => { setEm(currentTarget.value) }}>
          <option value=''>All answers</option>
          <option value='0'>Wrong answers</option>
          <option value='1'>Right answers</option>
        </select>
        <TimeInput label='since' time={since} onChange={setSince} />
        <TimeInput label='until' time={until} onChange={setUntil} />
      </form>
      <StopsList key={JSON.stringify(filter)} filter={filter} />
    </Card>
  )
}

/** @param time in ISO 8601, or empty */
function TimeInput ({ label, time, onChange }: { label: string, time: string, onChange: (time: string) => void }) {
  const change = (value: string) => { onChange(value === '' ? '' : new Date(value).toISOString()) }
  return <label>{label} <input type='datetime-local' value={localTime(time)} onChange={({ currentTarget: { value } }) => { change(value) }} /></label>
}

/** A time as an input of the browser's time zone has it. */
function localTime (time: string): string {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? '' : new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
