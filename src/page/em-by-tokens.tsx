import { useMemo } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { Suite } from './api.js'
import { axis, colour, ChartFigure, interval, legendValue, percentMark } from './chart.js'
import { count, finePoints, percent } from './format.js'

type Slope = Suite['trend']['em_per_percent_of_tokens']
type Point = Suite['points'][number]

/** The side of zero on which the interval of a slope lies; 0: it contains zero, or is not known. */
export function sideOf (slope: Slope): -1 | 0 | 1 {
  if (slope === null || slope.low === null || slope.high === null) return 0
  return slope.low > 0 ? 1 : slope.high < 0 ? -1 : 0
}

/** Tokens on the scale of the slope: one percent more is 1. */
const placeOf = (tokens: number): number => Math.log(Math.max(tokens, 1)) / Math.log(1.01)
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!

/** The line of a slope through the middle of some points. */
function lineOf (points: readonly Point[], slope: number): (tokens: number) => number {
  const middle = median(points.map(({ em, tokens_mean: tokens }) => em - slope * placeOf(tokens)))
  return (tokens) => middle + slope * placeOf(tokens)
}

/** The newest points, of which the slope is: those evaluated under the newest threshold. */
function pointsOf ({ points, threshold, trend }: Suite): Point[] {
  const comparable = points.filter((point) => (point.threshold ?? null) === threshold)
  return comparable.slice(-(trend.em_per_percent_of_tokens?.checkpoints ?? comparable.length)).sort((a, b) => a.tokens_mean - b.tokens_mean)
}

function options (): Omit<Options, 'width' | 'height'> {
  const em = (value: number) => percent(value)
  const noLine = { width: 0, value: legendValue(em) }
  return {
    scales: { x: { time: false } },
    axes: [axis('Mean tokens', (value) => count(value)), axis('EM', percentMark, { size: 62 })],
    series: [
      { label: 'Mean tokens', value: legendValue((value) => `${count(value)} tokens`) },
      { label: 'Interval', stroke: colour('muted'), width: 1, dash: [3, 3], points: { show: false }, value: interval(em) },
      { label: 'Low', class: 'unlisted', stroke: colour('muted'), width: 1, dash: [3, 3], points: { show: false } },
      { label: 'Slope', stroke: colour('muted'), width: 2, points: { show: false }, value: legendValue(em) },
      { label: 'Checkpoint', class: 'dot', stroke: colour('accent'), points: { show: true, size: 7 }, ...noLine },
      { label: 'Newest', class: 'dot', stroke: colour('warn'), points: { show: true, size: 11, width: 3 }, ...noLine },
    ],
    bands: [{ series: [1, 2], fill: colour('band') }],
  }
}

const COLUMNS = [
  { head: 'Step', cell: (point: Point) => count(point.step), isNumber: true },
  { head: 'Mean tokens', cell: (point: Point) => count(point.tokens_mean), isNumber: true },
  { head: 'EM', cell: (point: Point) => percent(point.em), isNumber: true },
]

/** EM against tokens of the newest checkpoints, with the slope and its interval. */
export function EmByTokens ({ suite }: { suite: Suite }) {
  const rows = useMemo(() => pointsOf(suite), [suite])
  const { em_per_percent_of_tokens: slope } = suite.trend
  const data = useMemo(() => {
    const newest = Math.max(...rows.map(({ step }) => step))
    const along = (value: number | null | undefined) => value == null ? () => null : lineOf(rows, value)
    const [low, high, middle] = [along(slope?.low), along(slope?.high), along(slope?.slope)]
    const ends = rows.map(({ tokens_mean: tokens }) => [low(tokens), high(tokens)])
    const end = (choose: (...values: number[]) => number) => ends.map(([a, b]) => a == null || b == null ? null : choose(a, b))
    return [
      rows.map(({ tokens_mean: tokens }) => tokens), end(Math.max), end(Math.min), rows.map(({ tokens_mean: tokens }) => middle(tokens)),
      rows.map(({ em }) => em), rows.map(({ em, step }) => step === newest ? em : null),
    ] as AlignedData
  }, [rows, slope])
  return (
    <div>
      <ChartFigure
        label={`EM against tokens, ${suite.suite}`} data={data} options={options} height={220} columns={COLUMNS}
        rows={rows.length > 1 ? rows : []} empty='EM against tokens takes two checkpoints.'
      />
      <p class='note'>{slopeText(slope)}</p>
    </div>
  )
}

function slopeText (slope: Slope): string {
  if (slope === null) return 'No slope of EM against tokens is known yet.'
  const { slope: value, low, high, checkpoints } = slope
  const range = low === null || high === null ? 'too few for an interval' : `${finePoints(low)} to ${finePoints(high)} with 95\u00a0%`
  return `A percent of tokens more goes with ${finePoints(value)} of EM (${range}), over the last ${count(checkpoints)} checkpoints.`
}
