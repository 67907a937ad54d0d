import { useMemo } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { ContextDetail, TradeoffReply } from './api.js'
import { axis, colour, ChartFigure } from './chart.js'
import { decimals, percent, points, threshold } from './format.js'
import { Card } from './parts.js'
import { pointInForce, type ChartPoint } from './point-in-force.js'

type Point = TradeoffReply['points'][number]

/** The bound lies in the upper third of the chart; curves go on beyond its edges. @param bound fraction of EM */
function options (bound: number): Omit<Options, 'width' | 'height'> {
  const shown = (unit: (value: number) => string) => (_chart: unknown, value: number | null) => value == null ? '–' : unit(value)
  const saved = (value: number) => percent(value, 1)
  const drop = (value: number) => points(value)
  return {
    scales: { x: { time: false }, y: { range: [-0.75 * bound, 1.5 * bound] } },
    axes: [axis('Tokens saved, net', (value) => percent(value, 0)), axis('EM drop, points', (value) => decimals(value * 100, 1), { size: 54 })],
    series: [
      { label: 'Tokens saved', value: shown(saved) },
      { label: 'Upper bound', stroke: colour('muted'), width: 1, dash: [3, 3], value: shown(drop), points: { show: false } },
      { label: 'Lower bound', stroke: colour('muted'), width: 1, dash: [3, 3], value: shown(drop), points: { show: false } },
      { label: 'EM drop', stroke: colour('accent'), width: 2, value: shown(drop), points: { show: true, size: 5 } },
      { label: 'Allowed', stroke: colour('bad'), width: 2, dash: [8, 4], value: shown(drop), points: { show: false } },
      { label: 'In force', stroke: colour('good'), width: 0, points: { show: true, size: 14, width: 3, fill: colour('card') }, value: shown(drop) },
    ],
    bands: [{ series: [1, 2], fill: colour('band') }],
  }
}

const COLUMNS = [
  { head: 'Threshold', cell: (point: Point) => threshold(point.threshold), isNumber: true },
  { head: 'Tokens saved, net', cell: (point: Point) => percent(point.tokens_saved_ratio), isNumber: true },
  { head: 'EM drop', cell: (point: Point) => points(point.em_drop), isNumber: true },
  { head: 'Interval', cell: (point: Point) => `${points(point.em_drop_low)} to ${points(point.em_drop_high)}`, isNumber: true },
  { head: 'Certified', cell: (point: Point) => point.certified ? '✓ yes' : 'no' },
]

/** EM against tokens, with the bound and the threshold in force. */
export function TradeoffPanel ({ tradeoff, context }: { tradeoff: TradeoffReply, context: ContextDetail }) {
  const { policy: { max_em_drop: bound } } = context
  const lottery = context.threshold === tradeoff.threshold ? context.lottery : null // a pool's is not about these points
  const data = useMemo(() => {
    const inForce = pointInForce(tradeoff, lottery)
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
  }, [tradeoff, bound, lottery])
  const { knee, unfavourable_from: turn } = tradeoff
  return (
    <Card
      title='Cost of stopping earlier'
      note='Each point is a threshold. The dashed line is the EM that you allow to be lost, the ring the threshold or the lottery in force, the band where the true drop lies. What loses more goes on above.'
    >
      <ChartFigure
        label='EM drop against tokens saved, by threshold' data={data} options={() => options(bound)} shape={String(bound)}
        columns={COLUMNS} rows={tradeoff.points.length > 1 ? tradeoff.points : []} empty='No control generation has been counted yet.'
      />
      <ul class='facts'>
        {knee !== null && (
          <li>
            The curve bends at threshold {threshold(knee.threshold)}: {percent(knee.tokens_saved_ratio)} saved for {points(knee.em_drop)}.
          </li>
        )}
        {turn !== null && (
          <li>
            From threshold {threshold(turn.threshold)} on, further savings cost more EM than you allow{turn.is_sure ? '' : ' (not certain)'}.
          </li>
        )}
      </ul>
    </Card>
  )
}
