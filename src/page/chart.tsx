import { useEffect, useRef } from 'preact/hooks'
import UPlot, { type AlignedData, type Axis, type Options } from 'uplot'
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

/** A chart on a canvas, as wide as there is room. */
function Chart ({ label, data, options, shape = '', height = 260 }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<UPlot | null>(null)
  const theme = useThemeRevision()
  useEffect(() => {
    const { current: box } = place
    if (box === null) return
    const made = chart.current = new UPlot({ width: Math.max(200, box.clientWidth), height, ...options() }, data, box)
    const watch = new ResizeObserver(() => { made.setSize({ width: Math.max(200, box.clientWidth), height }) })
    watch.observe(box)
    return () => { watch.disconnect(); made.destroy(); chart.current = null }
  }, [theme, shape, height])
  useEffect(() => { chart.current?.setData(data) }, [data])
  return <div class='chart' ref={place} role='img' aria-label={label} />
}

/** A time axis in the zone of the user, as fine as it needs to be. */
export function timeAxis (): Axis {
  return axis('', undefined, {
    space: 90,
    values: (_chart, splits, _axis, _space, step) => splits.map((seconds) => {
      const text = new Date(seconds * 1000).toLocaleString('en-GB')
      const [day = '', time = ''] = text.split(', ')
      return step >= 86_400 ? day : step >= 60 ? time.slice(0, 5) : time
    }),
  })
}

/** An axis in the colours of the page. */
export function axis (label: string, values?: (value: number) => string, more: Partial<Axis> = {}): Axis {
  return {
    label,
    stroke: colour('muted'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1 },
    font: '12px system-ui, sans-serif',
    labelFont: '12px system-ui, sans-serif',
    labelSize: label === '' ? 0 : 22,
    ...(values !== undefined && { values: (_chart: UPlot, splits: number[]) => splits.map((split) => split == null ? '' : values(split)) }),
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
