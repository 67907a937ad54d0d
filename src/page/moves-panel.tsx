import { useMemo } from 'preact/hooks'
import UPlot, { type AlignedData, type Options } from 'uplot'
import type { ContextDetail, ContextHistory } from './api.js'
import { ChangeReason } from './change-reason.js'
import { colour, legendValue, timeAxis, timeOf, ChartFigure } from './chart.js'
import { causeText, clockTime, isOfPause, movement, threshold } from './format.js'
import { useData } from './live.js'
import { type Move, movesOf, pointsOfMoves, stopsOf } from './moves.js'
import { Card, Loading, Table } from './parts.js'
import { LOGIT_SCALE, logistic, logit, thresholdAxis } from './threshold-scale.js'

/** What moved: the mode, or the threshold. */
function textOf ({ before, after, mode_before: from, mode_after: to }: Move): [before: string, after: string] {
  return movement({ before, after, ...(from !== to && { mode_before: from, mode_after: to }) })
}

const columnsOf = (name: string) => [
  { head: 'Time', cell: (move: Move) => clockTime(move.time) },
  { head: 'Cause', cell: (move: Move) => causeText(move) + (move.key === name || isOfPause(move) ? '' : ` at ${move.key}`) },
  { head: 'Before', cell: (move: Move) => textOf(move)[0], isNumber: true },
  { head: 'After', cell: (move: Move) => textOf(move)[1], isNumber: true },
  { head: 'Epoch', cell: (move: Move) => move.epoch ?? '–', isNumber: true },
  { head: 'Why', cell: (move: Move) => <ChangeReason change={move} /> },
]

const TICKS = [0.01, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999]
/** Room between two written causes, px. */
const GAP = 70

function options (moves: readonly Move[]): Omit<Options, 'width' | 'height'> {
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
    hooks: { draw: [(chart) => { writeCauses(chart, moves) }] },
  }
}

/** Leaves room before the first move and after the last. */
function padded (low: number, high: number): [low: number, high: number] {
  const room = Math.max(1, (high - low) * 0.04)
  return [low - room, high + room]
}

/** Writes the cause above each move where there is room, and first where stopping ended. */
function writeCauses (chart: UPlot, moves: readonly Move[]): void {
  const { ctx } = chart
  ctx.save()
  ctx.fillStyle = colour('text')
  ctx.textAlign = 'left'
  ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`
  const written: number[] = []
  for (const move of [...moves].sort((a, b) => Number(isEnd(b)) - Number(isEnd(a)))) {
    const x = chart.valToPos(Date.parse(move.time) / 1000, 'x', true)
    const [before, after] = stopsOf(move)
    const height = after ?? before
    if (height === null || written.some((other) => Math.abs(x - other) < GAP * devicePixelRatio)) continue
    const y = chart.valToPos(height, 'y', true)
    const text = move.mode_before === move.mode_after || isOfPause(move) ? causeText(move) : `mode ${move.mode_after}`
    ctx.fillText(text, x + 6 * devicePixelRatio, y - 8 * devicePixelRatio)
    written.push(x)
  }
  ctx.restore()
}

function isEnd (move: Move): boolean {
  const [before, after] = stopsOf(move)
  return before !== null && after === null
}

/** The threshold over time, with the causes of its moves. */
export function MovesPanel ({ context }: { context: ContextDetail }) {
  const { key, mode, pin } = context
  const pinnedAt = pin?.at ?? null
  const { data: history, error } = useData<ContextHistory>(`v1/contexts/${encodeURIComponent(key)}/history?limit=200`)
  const moves = useMemo(() => history === null ? [] : movesOf(history, { key, mode, pinnedAt }), [history, key, mode, pinnedAt])
  const data = useMemo(() => pointsOfMoves(moves, Date.now() / 1000) as AlignedData, [moves])
  if (history === null) return <Card title='Threshold over time'><Loading error={error} /></Card>
  const label = 'Threshold over time'
  const rows = moves.toReversed()
  const wasStopping = [...data[1]!].some((value) => value != null)
  return (
    <Card title={label} note='Each move with its cause. Where the line is missing, nothing was stopped. The scale spreads values near 1.'>
      {!wasStopping && moves.length > 0
        ? (
          <figure>
            <details open><summary>As a table</summary><Table caption={label} columns={columnsOf(key)} rows={rows} /></details>
          </figure>
          )
        : <ChartFigure
            data={data} options={() => options(moves)} shape={JSON.stringify(moves.at(-1) ?? null)} height={200}
            columns={columnsOf(key)} empty='The threshold has not moved yet.' {...{ label, rows }}
          />}
    </Card>
  )
}
