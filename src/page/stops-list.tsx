import { useState } from 'preact/hooks'
import { useParameter } from './address.js'
import type { StopsReply } from './api.js'
import { clockTime, count, decimals, NONE } from './format.js'
import { useData } from './live.js'
import { Age, Card, Loading, Table } from './parts.js'
import { usePhone } from './phone.js'
import { routeTo } from './route.js'

type Stop = StopsReply['stops'][number]

const COLUMNS = [
  { head: 'Time', cell: (stop: Stop) => clockTime(stop.at) },
  { head: 'Generation', cell: (stop: Stop) => <a href={routeTo('generation', stop.generation_id)}>{stop.generation_id}</a> },
  { head: 'Context', cell: (stop: Stop) => <a href={routeTo('context', stop.context)}>{stop.context}</a> },
  { head: 'Tokens', cell: (stop: Stop) => count(stop.tokens), isNumber: true },
  { head: 'Score', cell: (stop: Stop) => stop.score === null ? 'not reported' : decimals(stop.score, 4), isNumber: true },
  {
    head: 'Threshold',
    cell: (stop: Stop) => <a href={routeTo('changes', stop.threshold_context)} title='Show how this threshold moved'>{stop.threshold === null ? 'its history' : decimals(stop.threshold, 4)}</a>,
    isNumber: true,
  },
  { head: 'Version', cell: (stop: Stop) => stop.snapshot_version ?? NONE, isNumber: true },
  { head: 'Decided by', cell: (stop: Stop) => stop.decided_by },
]

/** Recent stops, newest first, of a context and those below it, or of one generation. */
export function StopsList ({ prefix, generation }: { prefix?: string, generation?: string }) {
  const [pages, setPages] = useState<readonly string[]>([])
  const filter = `${prefix === undefined ? '' : `&prefix=${encodeURIComponent(prefix)}`}${generation === undefined ? '' : `&generation_id=${encodeURIComponent(generation)}`}`
  const before = pages.at(-1)
  const limit = usePhone() ? 4 : 25
  const { data, error, staleSince } = useData<StopsReply>(`v1/stops?limit=${limit}${filter}${before === undefined ? '' : `&before=${before}`}`)
  if (data === null) return <Loading error={error} />
  return (
    <>
      <Age since={staleSince} />
      <Table caption='Stops' columns={COLUMNS} rows={data.stops} empty={before !== undefined ? 'There are no older stops.' : generation === undefined ? 'No generation was stopped here lately.' : 'No stop of this generation is kept either.'} />
      {(pages.length > 0 || data.next !== null) && (
        <div class='pager'>
          <button type='button' disabled={pages.length === 0} onClick={() => { setPages(pages.slice(0, -1)) }}>Newer</button>
          <button type='button' disabled={data.next === null} onClick={() => { setPages([...pages, data.next!]) }}>Older</button>
        </div>
      )}
    </>
  )
}

/** Recent stops with a filter by context. */
export function RecentStops () {
  const [prefix, setPrefix] = useParameter('stops')
  const [text, setText] = useState(prefix)
  return (
    <Card title='Recent stops' note='Every stop of the last week, unless configured otherwise. Choose a threshold to see how it moved.'>
      <form class='filters' onSubmit={(event) => { event.preventDefault(); setPrefix(text.trim()) }}>
        <input type='search' aria-label='Context of the stops' placeholder='model=…,task=…' value={text} onInput={({ currentTarget }) => { setText(currentTarget.value) }} />
        <button type='submit'>Filter</button>
      </form>
      <StopsList key={prefix} {...(prefix !== '' && { prefix })} />
    </Card>
  )
}
