import { useEffect, useRef } from 'preact/hooks'
import UPlot, { type AlignedData, type Axis, type Options, type Series } from 'uplot'
import { clockTime, percent } from './format.js'
import { usePhone } from './phone.js'
import { useThemeRevision } from './theme.js'
import { Table, type Column } from './parts.js'

type Colour = 'text' | 'muted' | 'line' | 'accent' | 'good' | 'warn' | 'bad' | 'band' | 'card'

/** A colour of the style sheet, which differs between light and dark. */
export function colour (name: Colour): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

interface ChartProps {
  /** A description of the chart for screen readers. */
  readonly label: string
  readonly data: AlignedData
  /** Called again when the colours or `shape` change. */
  readonly options: () => Omit<Options, 'width' | 'height'>
  /** Anything that the options depend on. */
  readonly shape?: string
  readonly height?: number
}

const PHONE_HEIGHT = 170

type ByIndex = (chart: UPlot, index: number) => string
const strokeOf: ByIndex = (chart, i) => (chart.series[i]!.stroke as ByIndex)(chart, i)

/** Markers of the legend look like their lines: filled, or dashed. */
const MARKERS = {
  show: true,
  width: 2,
  stroke: strokeOf,
  fill: (chart: UPlot, i: number) => chart.series[i]!.dash === undefined ? strokeOf(chart, i) : 'transparent',
  dash: (({ series }, i) => series[i]!.dash === undefined ? 'solid' : 'dashed') as (chart: UPlot, index: number) => 'solid' | 'dashed',
}

/** The legend's value under the cursor; nothing while there is none. */
export function legendValue (render: (value: number) => string) {
  return (_chart: UPlot, value: number | null): string => value == null ? '' : render(value)
}

/** The legend's value for a band: the high end, with the low end of the next series. */
export function interval (render: (value: number) => string) {
  return (chart: UPlot, high: number | null, series: number, i: number | null): string => {
    const low = i === null ? null : chart.data[series + 1]?.[i]
    return low == null || high == null ? '' : `${render(low)} to ${render(high)}`
  }
}

/** Points have the colour of their line, as in the legend. By default they are filled with white. */
function withFilledPoints (series: Series): Series {
  const { points, stroke } = series
  return points?.show === true && stroke !== undefined ? { ...series, points: { fill: stroke, ...points } } : series
}

/** A chart on a canvas, as wide as there is room. */
function Chart ({ label, data, options, shape = '', height: usual = 260 }: ChartProps) {
  const height = usePhone() ? Math.min(usual, PHONE_HEIGHT) : usual
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<UPlot | null>(null)
  const theme = useThemeRevision()
  useEffect(() => {
    const { current: box } = place
    if (box === null) return
    const size = () => ({ width: Math.max(200, box.clientWidth), height })
    const { series, ...rest } = options()
    const all = { ...size(), legend: { markers: MARKERS }, ...rest, series: series.map(withFilledPoints) }
    const made = chart.current = new UPlot(all, data, box)
    const watch = new ResizeObserver(() => { made.setSize(size()) })
    watch.observe(box)
    return () => { watch.disconnect(); made.destroy(); chart.current = null }
  }, [theme, shape, height])
  useEffect(() => { chart.current?.setData(data) }, [data])
  return <div class='chart' ref={place} role='img' aria-label={label} />
}

/** A time of a chart in words. */
export const timeOf = (seconds: number): string => clockTime(new Date(seconds * 1000).toISOString())

/** A time axis in the zone of the user, as fine as it needs to be. */
export function timeAxis (): Axis {
  return axis('', undefined, {
    space: 90,
    values: (_chart, splits, _axis, _space, step) => splits.map((seconds) => {
      const text = new Date(seconds * 1000).toLocaleString('en-GB')
      const [, time = ''] = text.split(', ')
      return step >= 86_400 ? new Date(seconds * 1000).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' }) : step >= 60 ? time.slice(0, 5) : time
    }),
  })
}

/** Distances between the marks of an axis: without 2.5, whose multiples take another digit. */
const STEPS = Array.from({ length: 18 }, (_, i) => i - 7).flatMap((exponent) => [1, 2, 5].map((digit) => Number(`${digit}e${exponent}`)))

/** The digits after the point that tell the marks of an axis from each other. */
export function digitsOf (step: number): number { return Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) }

/** The text of a mark in percent. */
export const percentMark = (value: number, step: number): string => percent(value, digitsOf(100 * step))

/**
 * An axis in the colours of the page.
 * @param values the text of a value, which may depend on the distance to the next one
 */
export function axis (label: string, values?: (value: number, step: number) => string, more: Partial<Axis> = {}): Axis {
  return {
    label,
    stroke: colour('muted'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1 },
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    labelSize: label === '' ? 0 : 22,
    size: 34,
    ...(values !== undefined && { incrs: STEPS, values: (_chart: UPlot, splits: number[], _axis: number, _space: number, step: number) => splits.map((split) => split == null ? '' : values(split, step)) }),
    ...more,
  }
}

interface FigureProps<R> extends ChartProps {
  readonly columns: ReadonlyArray<Column<R>>
  readonly rows: readonly R[]
  /** The text if there are no rows. */
  readonly empty: string
  /** Whether the table is shown at once. */
  readonly isOpen?: boolean
}

/** A chart, and the same figures as a table. */
export function ChartFigure<R> ({ columns, rows, empty, isOpen = false, ...chart }: FigureProps<R>) {
  if (rows.length === 0) return <p class='note'>{empty}</p>
  return (
    <figure>
      <Chart {...chart} />
      <details open={isOpen}><summary>As a table</summary><Table caption={chart.label} columns={columns} rows={rows} /></details>
    </figure>
  )
}
