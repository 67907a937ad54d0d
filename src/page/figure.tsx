import { Chart, type ChartProps } from './chart.js'
import { Table, type Column } from './parts.js'

export interface FigureProps<R> extends ChartProps {
  readonly columns: ReadonlyArray<Column<R>>
  readonly rows: readonly R[]
  /** What is shown where there are no rows. */
  readonly empty: string
  /** Whether the table is shown at once. */
  readonly isOpen?: boolean
}

/** A chart, and the same figures as a table. */
export function Figure<R> ({ columns, rows, empty, isOpen = false, ...chart }: FigureProps<R>) {
  if (rows.length === 0) return <p class='note'>{empty}</p>
  return (
    <figure>
      <Chart {...chart} />
      <details open={isOpen}><summary>As a table</summary><Table caption={chart.label} columns={columns} rows={rows} /></details>
    </figure>
  )
}
