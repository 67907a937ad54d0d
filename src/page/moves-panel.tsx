import { useMemo } from 'preact/hooks'
import UPlot, { type AlignedData, type Options } from 'uplot'
import type { HistoryChange, History } from './api.js'
import { colour, legendValue, timeAxis, timeOf, ChartFigure } from './chart.js'
import { clockTime, movement, threshold, words } from './format.js'
import { useData } from './live.js'
import { movesOf, pointsOfMoves, stopsOfMoves, type Stops } from './moves.js'
import { Card, Loading, Table } from './parts.js'
import { LOGIT_SCALE, logistic, logit, thresholdAxis } from './threshold-scale.js'

const columnsOf = (name: string) => [
  { head: 'Time', cell: (change: HistoryChange) => clockTime(change.time) },
  { head: 'Cause', cell: (change: HistoryChange) => words(change.cause) + (change.key === name ? '' : ` at ${change.key}`) },
  { head: 'Before', cell: (change: HistoryChange) => movement(change)[0], isNumber: true },
  { head: 'After', cell: (change: HistoryChange) => movement(change)[1], isNumber: true },
  { head: 'Epoch', cell: (change: HistoryChange) => change.key === name ? change.epoch ?? '–' : '–', isNumber: true },
  { head: 'By', cell: (change: HistoryChange) => change.by === undefined ? '–' : `${change.by}${change.reason === undefined ? '' : `: ${change.reason}`}` },
]

const TICKS = [0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999]
/** Room between two written causes, px. */
const GAP = 70

function options (changes: readonly HistoryChange[]): Omit<Options, 'width' | 'height'> {
  return {
    scales: {
      x: { range: (_chart, low, high) => padded(low, high) },
      y: { ...LOGIT_SCALE, range: (_chart, low, high) => [logistic(logit(low) - 0.5), logistic(logit(high) + 1.5)] },
    },
    axes: [timeAxis(), thresholdAxis('Threshold', TICKS, { size: 60 })],
    series: [
      { label: 'Time', value: legendValue(timeOf) },
      {
        label: 'Threshold',
        stroke: colour('accent'),
        width: 2,
        points: { show: true, size: 6 },
        paths: UPlot.paths.stepped!({ align: 1 }),
        value: legendValue(threshold),
      },
      {
        label: 'Stopping ended',
        class: 'dot',
        stroke: colour('warn'),
        width: 0,
        points: { show: true, size: 9 },
        value: legendValue((value) => `at ${threshold(value)}`),
      },
    ],
    hooks: { draw: [(chart) => { writeCauses(chart, changes) }] },
  }
}

/** Leaves room before the first move and after the last. */
function padded (low: number, high: number): [low: number, high: number] {
  const room = Math.max(1, (high - low) * 0.04)
  return [low - room, high + room]
}

/** Writes the cause above each move where there is room, and first where stopping ended. */
function writeCauses (chart: UPlot, changes: readonly HistoryChange[]): void {
  const { ctx } = chart
  ctx.save()
  ctx.fillStyle = colour('text')
  ctx.textAlign = 'left'
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`
  const written: number[] = []
  const moves = [...stopsOfMoves(changes)].sort((a, b) => Number(isEnd(b)) - Number(isEnd(a)))
  for (const { time, cause, mode_after: mode, stoppedBefore, stoppedAfter } of moves) {
    const x = chart.valToPos(Date.parse(time) / 1000, 'x', true)
    const height = stoppedAfter ?? stoppedBefore
    if (height === null || written.some((other) => Math.abs(x - other) < GAP * devicePixelRatio)) continue
    const y = chart.valToPos(height, 'y', true)
    ctx.fillText(mode === undefined ? words(cause) : `mode ${mode}`, x + 6 * devicePixelRatio, y - 8 * devicePixelRatio)
    written.push(x)
  }
  ctx.restore()
}

const isEnd = ({ stoppedBefore, stoppedAfter }: Stops): boolean => stoppedBefore !== null && stoppedAfter === null

/** The threshold over time, with the causes of its moves. */
export function MovesPanel ({ name }: { name: string }) {
  const { data: history, error } = useData<History>(`v1/contexts/${encodeURIComponent(name)}/history?limit=200`)
  const changes = history?.changes ?? []
  const inOrder = useMemo(() => movesOf(name, changes), [history, name])
  const data = useMemo(() => pointsOfMoves(inOrder, Date.now() / 1000) as AlignedData, [inOrder])
  if (history === null) return <Card title='Threshold over time'><Loading error={error} /></Card>
  return (
    <Card title='Threshold over time' note='Each move with its cause. Where the line is missing, nothing was stopped. The scale spreads values near 1.'>
      {[...data[1]!].every((value) => value == null) && changes.length > 0
        ? <figure><details open><summary>As a table</summary><Table caption='Threshold over time' columns={columnsOf(name)} rows={changes} /></details></figure>
        : <ChartFigure
            label='Threshold over time' data={data} options={() => options(inOrder)} shape={String(changes[0]?.time)} height={200}
            columns={columnsOf(name)} rows={changes} empty='The threshold has not moved yet.'
          />}
    </Card>
  )
}
