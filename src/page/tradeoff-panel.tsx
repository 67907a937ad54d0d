import { useMemo } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { TradeoffReply } from './api.js'
import { axis, colour, ChartFigure, digitsOf, interval, legendValue, percentMark } from './chart.js'
import { count, decimals, percent, points, threshold as thresholdText } from './format.js'
import type { PanelProps } from './context-panels.js'
import { Card } from './parts.js'
import { pointInForce, type ChartPoint } from './point-in-force.js'

type Point = TradeoffReply['points'][number]

/** The least range of the savings that the chart shows. */
const MIN_SAVED = 0.1

/**
 * The bound lies in the upper third of the chart, unless a pin loses more; curves go on beyond its edges.
 * @param bound fraction of EM @param top of the chart, likewise
 */
function options (bound: number, top: number): Omit<Options, 'width' | 'height'> {
  const drop = (value: number) => points(value)
  return {
    scales: {
      x: { time: false, range: (_chart, low, high) => [Math.min(0, low), Math.max(MIN_SAVED, high)] },
      y: { range: [-top / 2, top] },
    },
    axes: [axis('Tokens saved, net', percentMark), axis('EM drop, points', (value, step) => decimals(value * 100, digitsOf(100 * step)), { size: 54 })],
    series: [
      { label: 'Tokens saved', value: legendValue((value) => `${percent(value, 1)} saved`) },
      { label: 'Interval', stroke: colour('muted'), width: 1, dash: [3, 3], value: interval(drop), points: { show: false } },
      { label: 'Lower bound', class: 'unlisted', stroke: colour('muted'), width: 1, dash: [3, 3], points: { show: false } },
      { label: 'EM drop', stroke: colour('accent'), width: 2, value: legendValue(drop), points: { show: true, size: 5 } },
      { label: 'Allowed', stroke: colour('bad'), width: 2, dash: [8, 4], value: legendValue(drop), points: { show: false } },
      { label: 'In force', class: 'dot', stroke: colour('good'), width: 0, points: { show: true, size: 14, width: 3, fill: colour('card') }, value: legendValue(drop) },
    ],
    bands: [{ series: [1, 2], fill: colour('band') }],
  }
}

const COLUMNS = [
  { head: 'Threshold', cell: (point: Point) => thresholdText(point.threshold), isNumber: true },
  { head: 'Tokens saved, net', cell: (point: Point) => percent(point.tokens_saved_ratio), isNumber: true },
  { head: 'EM drop', cell: (point: Point) => points(point.em_drop), isNumber: true },
  { head: 'Interval', cell: (point: Point) => `${points(point.em_drop_low)} to ${points(point.em_drop_high)}`, isNumber: true },
  { head: 'Certified', cell: (point: Point) => point.certified ? '✓ yes' : 'no' },
]

/** Control generations from which a curve says something. */
const ENOUGH = 30

/** EM against tokens, with the bound and the threshold in force. */
export function TradeoffPanel ({ tradeoff, context, policy: { max_em_drop: bound } }: PanelProps & { tradeoff: TradeoffReply }) {
  const { pin } = context
  const threshold = pin === null ? tradeoff.threshold : context.threshold
  const inForce = useMemo(() => pointInForce({ ...tradeoff, threshold }), [tradeoff, threshold])
  const top = Math.max(1.5 * bound, pin === null ? 0 : 1.2 * (inForce?.em_drop ?? 0)) // a pin may lose far more than is allowed
  const data = useMemo(() => {
    // Of points that save the same, the chart has one: that in force, otherwise the loosest.
    const bySavings = new Map(tradeoff.points.map((point): [number, ChartPoint] => [point.tokens_saved_ratio, point]))
    if (inForce !== undefined) bySavings.set(inForce.tokens_saved_ratio, inForce)
    const rows = [...bySavings.values()].sort((a, b) => a.tokens_saved_ratio - b.tokens_saved_ratio)
    return [
      rows.map((point) => point.tokens_saved_ratio),
      rows.map((point) => point.em_drop_high),
      rows.map((point) => point.em_drop_low),
      rows.map((point) => point.em_drop),
      rows.map(() => bound),
      rows.map((point) => point === inForce ? point.em_drop : null),
    ] as AlignedData
  }, [tradeoff, bound, inForce])
  const { knee, unfavourable_from: turn } = tradeoff
  const { control } = context.generations
  const isCounted = tradeoff.points.length > 1 && control >= ENOUGH
  return (
    <Card
      title='Cost of stopping earlier'
      note='Each point is a threshold. The dashed line is the EM that you allow to be lost, the ring the threshold in force, the band where the true drop lies. What loses more goes on above.'
    >
      <ChartFigure
        label='EM drop against tokens saved, by threshold' data={data} options={() => options(bound, top)} shape={`${bound} ${top}`}
        columns={COLUMNS} rows={isCounted && data[0].length > 1 ? tradeoff.points : []}
        empty={control >= ENOUGH ? 'No threshold would have saved tokens so far.' : `A curve needs ${ENOUGH} control generations, and ${control === 0 ? 'none has' : `${count(control)} have`} been counted yet.`}
      />
      <ul class='facts'>
        {isCounted && knee !== null && (
          <li>
            The curve bends at threshold {thresholdText(knee.threshold)}:{' '}
            {percent(knee.tokens_saved_ratio)} saved for {points(knee.em_drop)}.
          </li>
        )}
        {isCounted && turn !== null && (
          <li>
            At threshold {thresholdText(turn.threshold)} and below, the drop is predicted to exceed the EM that you allow.
          </li>
        )}
      </ul>
    </Card>
  )
}
