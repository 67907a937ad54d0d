import { useMemo } from 'preact/hooks'
import type { Options } from 'uplot'
import { useParameter } from './address.js'
import type { FleetReply } from './api.js'
import { axis, ChartFigure, colour, legendValue, timeAxis, timeOf } from './chart.js'
import { clockTime, counted, NONE, percent, short } from './format.js'
import { Card } from './parts.js'
import { type Period, periodsIn, pointsOf, rangeOf, ratioOf, type Span, SPANS } from './savings-span.js'

type Saved = Pick<Period, 'tokens_saved' | 'tokens'>

const sum = (figures: ReadonlyArray<number | null>): number => figures.reduce<number>((total, figure) => total + (figure ?? 0), 0)

/** Sums over periods whose savings are known. */
function sumOf (known: readonly Period[]): Saved {
  return {
    tokens_saved: sum(known.map(({ tokens_saved: saved }) => saved)),
    tokens: sum(known.map(({ tokens }) => tokens)),
  }
}

function intervalOf ({ tokens_saved_low: low, tokens_saved_high: high }: Period): string {
  return low === null ? NONE : `${short(low)} to ${short(high)}`
}

function options (range: [number, number]): Omit<Options, 'width' | 'height'> {
  return {
    scales: { x: { range }, y: { range: (_chart, low, high) => [Math.min(0, 1.1 * (low ?? 0)), Math.max(0.01, 1.1 * (high ?? 0))] } },
    axes: [timeAxis(), axis('Tokens saved, net', (ratio, step) => percent(ratio, step < 0.01 ? 1 : 0), { size: 52 })],
    series: [
      { label: 'From', value: legendValue(timeOf) },
      { label: 'Tokens saved, net', stroke: colour('accent'), width: 2, points: { show: true, size: 6 }, value: legendValue(percent) },
    ],
  }
}

/** Savings over the last day, week or month. */
export function SavingsPanel ({ fleet }: { fleet: FleetReply & { readonly at: string } }) {
  const [stated, setSpan] = useParameter('span')
  const span = Object.keys(SPANS).find((name): name is Span => name === stated) ?? 'day'
  const { unit, ms } = SPANS[span]
  const range = rangeOf(fleet.at, span)
  const rows = useMemo(() => periodsIn(fleet, span), [fleet, span])
  const data = useMemo(() => pointsOf(rows, ms), [rows, ms])
  const known = rows.filter(({ tokens_saved: saved }) => saved !== null)
  const all = sumOf(known)
  const unknown = rows.length - known.length
  return (
    <Card title='Savings over time'>
      <p>
        <select aria-label='Time' value={span} onChange={({ currentTarget: { value } }) => { setSpan(value) }}>
          {Object.entries(SPANS).map(([name, { title }]) => <option key={name} value={name}>{title}</option>)}
        </select>{' '}
        {known.length > 0 && (
          <span><b>{percent(ratioOf(all))}</b> saved: {short(all.tokens_saved)} tokens</span>
        )}
        {unknown > 0 && <span class='muted'> (too few control generations in {unknown} of {counted(rows.length, unit)})</span>}
      </p>
      <ChartFigure
        label={`Tokens saved by ${unit}`} data={data} options={() => options(range)} shape={`${span} ${range.join()}`} height={200} rows={known.length === 0 ? [] : rows}
        empty={rows.length === 0 ? 'No outcomes in this time.' : 'Savings are shown once stops are made, and some five control generations of an hour or a day show what they save.'} columns={[
          { head: 'From', cell: ({ at }) => clockTime(at) },
          { head: 'Saved', cell: (row) => percent(ratioOf(row)), isNumber: true },
          { head: 'Tokens saved', cell: ({ tokens_saved: saved }) => saved === null ? NONE : short(saved), isNumber: true },
          { head: '95 %', cell: intervalOf, isNumber: true },
          { head: 'Tokens spent', cell: ({ tokens }) => short(tokens), isNumber: true },
        ]}
      />
    </Card>
  )
}
