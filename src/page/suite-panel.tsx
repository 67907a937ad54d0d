import { useMemo } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { Suite } from './api-types.js'
import { axis, colour } from './chart.js'
import { Figure } from './figure.js'
import { count, decimals, percent, words } from './format.js'
import { Badge, Card } from './parts.js'

/** A step that was reported, or that is forecast. */
interface Row {
  readonly step: number
  readonly isForecast: boolean
  readonly value: number
  readonly low: number | null
  readonly high: number | null
}

interface Measure { readonly name: string, readonly render: (value: number | null) => string }
const EM: Measure = { name: 'EM', render: (value) => percent(value) }
const TOKENS: Measure = { name: 'Mean tokens', render: (value) => count(value) }

function rowsOf ({ points, forecast }: Suite, isEm: boolean): Row[] {
  const rowOf = (point: Suite['points'][number] | Suite['forecast'][number], isForecast: boolean): Row => isEm
    ? { step: point.step, isForecast, value: point.em, low: point.em_low, high: point.em_high }
    : { step: point.step, isForecast, value: point.tokens_mean, low: point.tokens_low, high: point.tokens_high }
  return [...points.map((point) => rowOf(point, false)), ...forecast.map((point) => rowOf(point, true))]
}

function options ({ name, render }: Measure): Omit<Options, 'width' | 'height'> {
  const shown = (_chart: unknown, value: number | null) => render(value)
  return {
    scales: { x: { time: false } },
    axes: [axis('Step', (value) => count(value)), axis(name, (value) => render(value).replace('.0 %', ' %'), { size: 62 })],
    series: [
      { label: 'Step', value: (_chart, value) => count(value) },
      { label: 'High', stroke: colour('muted'), width: 1, dash: [3, 3], points: { show: false }, value: shown },
      { label: 'Low', stroke: colour('muted'), width: 1, dash: [3, 3], points: { show: false }, value: shown },
      { label: name, stroke: colour('accent'), width: 2, points: { show: true, size: 5 }, value: shown },
      { label: 'Forecast', stroke: colour('warn'), width: 2, dash: [6, 4], points: { show: true, size: 8 }, value: shown },
    ],
    bands: [{ series: [1, 2], fill: colour('band') }],
  }
}

function Series ({ suite, isEm }: { suite: Suite, isEm: boolean }) {
  const measure = isEm ? EM : TOKENS
  const rows = useMemo(() => rowsOf(suite, isEm), [suite, isEm])
  const data = useMemo(() => {
    const lastKnown = rows.filter((row) => !row.isForecast).length - 1
    return [
      rows.map(({ step }) => step), rows.map(({ high }) => high), rows.map(({ low }) => low),
      rows.map(({ isForecast, value }) => isForecast ? null : value),
      rows.map(({ isForecast, value }, i) => isForecast || i === lastKnown ? value : null),
    ] as AlignedData
  }, [rows])
  return (
    <Figure
      label={`${measure.name} by step, ${suite.suite}`} data={data} options={() => options(measure)} shape={measure.name} height={220} rows={rows} empty='No checkpoint yet.' columns={[
        { head: 'Step', cell: (row) => count(row.step), isNumber: true },
        { head: measure.name, cell: (row) => <>{measure.render(row.value)}{row.isForecast && ' (forecast)'}</>, isNumber: true },
        { head: 'Interval', cell: (row) => `${measure.render(row.low)} to ${measure.render(row.high)}`, isNumber: true },
      ]}
    />
  )
}

/** EM beside tokens of one suite, with what comes next and what to think of it. */
export function SuitePanel ({ suite }: { suite: Suite }) {
  const { coverage, verdicts } = suite
  return (
    <Card title={`Suite ${suite.suite}`}>
      {verdicts.length === 0 && <p class='calm'><span aria-hidden='true'>✓</span> No verdict applies to the newest checkpoints.</p>}
      <ul class='facts'>
        {verdicts.map(({ verdict, tests, figures }) => (
          <li key={verdict}>
            <Badge kind='warn'>{words(verdict)}</Badge> {tests}{' '}
            <span class='muted'>{Object.entries(figures).map(([name, value]) => `${words(name)} ${decimals(value, Number.isInteger(value) ? 0 : 4)}`).join(', ')}</span>
          </li>
        ))}
      </ul>
      <div class='columns'><Series suite={suite} isEm /><Series suite={suite} isEm={false} /></div>
      <p class='note'>
        Of {count(coverage.em.held_out)} checkpoints that were forecast, EM fell into its interval {count(coverage.em.covered)} times, and tokens{' '}
        {count(coverage.tokens.covered)} of {count(coverage.tokens.held_out)} times; {percent(coverage.level, 0)} should.
      </p>
    </Card>
  )
}
