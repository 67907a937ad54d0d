import { useMemo, useState } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { FleetReply } from './api.js'
import { axis, ChartFigure, colour, legendValue, timeAxis, timeOf } from './chart.js'
import { clockTime, counted, NONE, percent, short, worth } from './format.js'
import { Card } from './parts.js'
import type { Price } from './price.js'

type Period = FleetReply['saved_by_hour'][number]

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The times that can be shown, and the number of hours or days in each, the present one included. */
const SPANS = {
  day: { title: 'Last day', unit: 'hour', ms: HOUR, periods: 25 },
  week: { title: 'Last week', unit: 'day', ms: DAY, periods: 8 },
  month: { title: 'Last month', unit: 'day', ms: DAY, periods: 32 },
} as const
type Span = keyof typeof SPANS

type Saved = Pick<Period, 'tokens_saved' | 'tokens' | 'worth'>

/** The part of full runs that was saved. */
function ratioOf ({ tokens_saved: saved, tokens }: Saved): number | null {
  return saved === null || saved + tokens <= 0 ? null : saved / (saved + tokens)
}

/** The periods of a span: outcomes may have been silent for long before the last one. */
function periodsIn ({ at, saved_by_hour: hours, saved_by_day: days }: FleetReply, span: Span): readonly Period[] {
  const { ms, periods } = SPANS[span]
  const since = Date.parse(at) - periods * ms
  return (span === 'day' ? hours : days).filter((period) => Date.parse(period.at) > since)
}

const sum = (figures: ReadonlyArray<number | null>): number => figures.reduce<number>((total, figure) => total + (figure ?? 0), 0)

/** Sums over periods whose savings are known. */
function sumOf (known: readonly Period[]): Saved {
  return {
    tokens_saved: sum(known.map(({ tokens_saved: saved }) => saved)),
    tokens: sum(known.map(({ tokens }) => tokens)),
    worth: known.some((period) => period.worth !== null) ? sum(known.map((period) => period.worth)) : null,
  }
}

/** By the price that was typed in, for all tokens; otherwise by the prices that policies stated then. */
function worthOf ({ tokens_saved: saved, worth: priced }: Saved, price: Price | null): string {
  if (price === null || saved === null) return worth(priced)
  return `${price.currency} ${worth(saved / 1e6 * price.amount)}`
}

function intervalOf ({ tokens_saved_low: low, tokens_saved_high: high }: Period): string {
  return low === null ? NONE : `${short(low)} to ${short(high)}`
}

function options (): Omit<Options, 'width' | 'height'> {
  return {
    scales: { y: { range: (_chart, low, high) => [Math.min(0, 1.1 * (low ?? 0)), Math.max(0.01, 1.1 * (high ?? 0))] } },
    axes: [timeAxis(), axis('Tokens saved, net', (ratio) => percent(ratio, 0), { size: 52 })],
    series: [
      { label: 'From', value: legendValue(timeOf) },
      { label: 'Tokens saved, net', stroke: colour('accent'), width: 2, points: { show: true, size: 6 }, value: legendValue(percent) },
    ],
  }
}

/** What was saved over the last day, week or month. */
export function SavingsPanel ({ fleet, price }: { fleet: FleetReply, price: Price | null }) {
  const [span, setSpan] = useState<Span>('day')
  const { unit } = SPANS[span]
  const rows = useMemo(() => periodsIn(fleet, span), [fleet, span])
  const data = useMemo(() => [rows.map(({ at }) => Date.parse(at) / 1000), rows.map(ratioOf)] as AlignedData, [rows])
  const known = rows.filter(({ tokens_saved: saved }) => saved !== null)
  const all = sumOf(known)
  const value = worthOf(all, price)
  const unknown = rows.length - known.length
  return (
    <Card title='Savings over time'>
      <p>
        <select aria-label='Time' value={span} onChange={({ currentTarget: { value } }) => { setSpan(value as Span) }}>
          {Object.entries(SPANS).map(([name, { title }]) => <option key={name} value={name}>{title}</option>)}
        </select>{' '}
        {known.length > 0 && (
          <span><b>{percent(ratioOf(all))}</b> saved: {short(all.tokens_saved)} tokens{value !== NONE && <>, worth {value}</>}</span>
        )}
        {unknown > 0 && <span class='muted'> (too few control generations in {unknown} of {counted(rows.length, unit)})</span>}
      </p>
      <ChartFigure
        label={`Tokens saved by ${unit}`} data={data} options={options} shape={span} height={200} rows={known.length === 0 ? [] : rows}
        empty={rows.length === 0 ? 'No outcomes in this time.' : 'Savings are shown once stops are made, and some five control generations of an hour or a day tell what they save.'} columns={[
          { head: 'From', cell: ({ at }) => clockTime(at) },
          { head: 'Saved', cell: (row) => percent(ratioOf(row)), isNumber: true },
          { head: 'Tokens saved', cell: ({ tokens_saved: saved }) => saved === null ? NONE : short(saved), isNumber: true },
          { head: '95 %', cell: intervalOf, isNumber: true },
          { head: 'Tokens spent', cell: ({ tokens }) => short(tokens), isNumber: true },
          { head: 'Worth', cell: (row) => worthOf(row, price), isNumber: true },
        ]}
      />
    </Card>
  )
}
