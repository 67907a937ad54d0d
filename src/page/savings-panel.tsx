import type { ComponentChildren } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import type { Options } from 'uplot'
import { useParameter } from './address.js'
import type { FleetReply, SavingsReply } from './api.js'
import { axis, ChartFigure, colour, legendValue, percentMark, timeAxis, timeOf } from './chart.js'
import { clockTime, count, counted, NONE, percent, short } from './format.js'
import { useData } from './live.js'
import { Age, Card, Loading } from './parts.js'
import { daysIn, daysOf, hoursIn, MS, type Period, pointsOf, rangeOfDays, rangeOfHours, ratioOf, type Span, SPANS } from './savings-span.js'
import { api } from './session.js'

type Saved = Pick<Period, 'tokens_saved' | 'tokens'>

const sum = (figures: ReadonlyArray<number | null>): number => figures.reduce<number>((total, figure) => total + (figure ?? 0), 0)

/** Sums over periods whose savings are known. */
function sumOf (known: readonly Period[]): Saved {
  return {
    tokens_saved: sum(known.map(({ tokens_saved: saved }) => saved)),
    tokens: sum(known.map(({ tokens }) => tokens)),
  }
}

function intervalOf ({ tokens_saved_low: low, tokens_saved_high: high }: Pick<Period, 'tokens_saved_low' | 'tokens_saved_high'>): string {
  return low === null ? NONE : `${short(low)} to ${short(high)}`
}

function options (range: [number, number]): Omit<Options, 'width' | 'height'> {
  return {
    scales: { x: { range }, y: { range: (_chart, low, high) => [Math.min(0, 1.1 * (low ?? 0)), Math.max(0.01, 1.1 * (high ?? 0))] } },
    axes: [timeAxis(), axis('Tokens saved, net', percentMark, { size: 52 })],
    series: [
      { label: 'From', value: legendValue(timeOf) },
      { label: 'Tokens saved, net', stroke: colour('accent'), width: 2, points: { show: true, size: 6 }, value: legendValue(percent) },
    ],
  }
}

interface ChartProps {
  readonly rows: readonly Period[]
  readonly unit: keyof typeof MS
  /** Ends of the axis, in seconds. */
  readonly range: [since: number, until: number]
}

function SavingsChart ({ rows, unit, range }: ChartProps) {
  const data = useMemo(() => pointsOf(rows, MS[unit]), [rows, unit])
  const known = rows.filter(({ tokens_saved: saved }) => saved !== null).length
  if (known === 1) return <p class='note'>Only one {unit} has figures. The chart begins with the next one.</p>
  return (
    <ChartFigure
      label={`Tokens saved by ${unit}`} data={data} options={() => options(range)} shape={`${unit} ${range.join()}`} height={200} rows={known > 0 ? rows : []}
      empty={rows.length === 0 ? 'No outcomes in this time.' : 'Savings are shown once stops are made, and some five control generations of an hour or a day show what they save.'} columns={[
        { head: 'From', cell: ({ at }) => clockTime(at) },
        { head: 'Saved', cell: (row) => percent(ratioOf(row)), isNumber: true },
        { head: 'Tokens saved', cell: ({ tokens_saved: saved }) => saved === null ? NONE : short(saved), isNumber: true },
        { head: '95 %', cell: intervalOf, isNumber: true },
        { head: 'Tokens spent', cell: ({ tokens }) => short(tokens), isNumber: true },
      ]}
    />
  )
}

function HoursSaved ({ fleet }: { fleet: FleetReply & { readonly at: string } }) {
  const rows = useMemo(() => hoursIn(fleet), [fleet])
  const known = rows.filter(({ tokens_saved: saved }) => saved !== null)
  const all = sumOf(known)
  const unknown = rows.length - known.length
  return (
    <>
      <p>
        {known.length > 0 && <span><b>{percent(ratioOf(all))}</b> saved: {short(all.tokens_saved)} tokens</span>}
        {unknown > 0 && <span class='muted'> (too few control generations in {unknown} of {counted(rows.length, 'hour')})</span>}
      </p>
      <SavingsChart rows={rows} unit='hour' range={rangeOfHours(fleet.at)} />
    </>
  )
}

/** What a range of days saved and lost, with its files. */
function DaysSaved ({ prefix, days }: { prefix: string, days: [since: string, until: string] }) {
  const query = new URLSearchParams({ ...(prefix !== '' && { prefix }), since: days[0], until: days[1] })
  const { data, error, staleSince } = useData<SavingsReply>(`v1/savings?${query}&by=day`)
  const rows = useMemo(() => data === null ? [] : daysIn(data), [data])
  if (data === null) return <Loading error={error} />
  const { total } = data
  const unknown = rows.filter(({ tokens_saved: saved }) => saved === null).length
  return (
    <>
      <Age since={staleSince} />
      <p>
        {total.tokens_saved === null
          ? <span>Too few control generations to say what was saved</span>
          : <span><b>{percent(ratioOf(total))}</b> saved: {short(total.tokens_saved)} tokens (95 %: {intervalOf(total)})</span>}
        . {lostIn(total)}
        {unknown > 0 && <span class='muted'> Too few control generations in {unknown} of {counted(rows.length, 'day')} to show them.</span>}
      </p>
      <SavingsChart rows={rows} unit='day' range={rangeOfDays(days)} />
      <p class='note'>Each day and each context has an estimate of its own, so they do not add up to the total.</p>
      <p class='filters'>
        <Download path={`v1/savings.csv?${query}&by=day`} name={`savings by day ${days.join(' to ')}.csv`}>Download CSV by day</Download>
        <Download path={`v1/savings.csv?${query}&by=context`} name={`savings by context ${days.join(' to ')}.csv`}>CSV by context</Download>
      </p>
    </>
  )
}

function lostIn ({ answers_lost: lost, answers_lost_low: low, answers_lost_high: high, answers_unlabelled: unlabelled, generations }: SavingsReply['total']): string {
  if (lost === null) return 'Right answers lost: not known of any control generation.'
  const missing = unlabelled !== null && unlabelled >= 1 ? ` About ${count(Math.round(unlabelled))} more were changed and have no label.` : ''
  return `Right answers lost: ${count(Math.round(lost))} (95 %: ${count(Math.round(low!))} to ${count(Math.round(high!))}) of ${count(generations)} generations.${missing}`
}

/** Saves a file of the API: a link could not send the token. */
function Download ({ path, name, children }: { path: string, name: string, children: ComponentChildren }) {
  const [problem, setProblem] = useState('')
  async function save (): Promise<void> {
    const body = await api.open(path, new AbortController().signal)
    const url = URL.createObjectURL(await new Response(body).blob())
    Object.assign(document.createElement('a'), { href: url, download: name }).click()
    URL.revokeObjectURL(url)
  }
  const onClick = () => { save().then(() => { setProblem('') }, (error: Error) => { setProblem(error.message) }) }
  return <><button type='button' onClick={onClick}>{children}</button>{problem !== '' && <span class='problem' role='alert'>{problem}</span>}</>
}

/** Savings over the last day, or over any days, of all contexts or of a part. */
export function SavingsPanel ({ fleet }: { fleet: FleetReply & { readonly at: string } }) {
  const [stated, setSpan] = useParameter('span')
  const [wanted, setPrefix] = useParameter('of')
  const [since, setSince] = useParameter('since')
  const [until, setUntil] = useParameter('until')
  const prefix = wanted || (fleet.prefix === '*' ? '' : fleet.prefix)
  const names = (Object.keys(SPANS) as Span[]).filter((name) => prefix === '' || name !== 'day') // hours are kept of the whole fleet alone
  const span = names.find((name) => name === stated) ?? names[0]!
  const usual = daysOf(fleet.at, span)
  const days: [string, string] = span === 'range' ? [since || usual[0], until || usual[1]] : usual
  const dateOf = (label: string, value: string, set: (value: string) => void) =>
    <input type='date' aria-label={label} value={value} max={usual[1]} onChange={({ currentTarget }) => { set(currentTarget.value) }} />
  return (
    <Card
      title='Savings over time' actions={
        <div class='filters'>
          <input
            type='search' aria-label='Savings of' placeholder={fleet.prefix === '*' ? 'All, or a key: team=a' : fleet.prefix} value={wanted}
            onChange={({ currentTarget }) => { setPrefix(currentTarget.value.trim()) }}
          />
          <select aria-label='Time' value={span} onChange={({ currentTarget: { value } }) => { setSpan(value) }}>
            {names.map((name) => <option key={name} value={name}>{SPANS[name].title}</option>)}
          </select>
          {span === 'range' && <>{dateOf('First day', days[0], setSince)}{dateOf('Last day', days[1], setUntil)}</>}
        </div>
      }
    >
      {span === 'day' ? <HoursSaved fleet={fleet} /> : <DaysSaved prefix={wanted} days={days} />}
    </Card>
  )
}
