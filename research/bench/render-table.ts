import { alignColumns } from '../../src/cli/command-line/command-io.js'
import type { Figure, Spread } from './figure.js'

/** Figures as text: the median, and the minimum and maximum in brackets. */
export function renderTable (title: string, figures: readonly Figure[]): string {
  const rows = figures.map(({ name, unit, value, ratio, note = '' }) =>
    [name, show(value), unit, ratio ? show(ratio) : '', note])
  return `\n${title}\n${alignColumns([['', 'median [least, greatest]', 'unit', 'to the echo', ''], ...rows], [true, true, true, true, true]).join('\n')}\n`
}

function show ({ median, min, max }: Spread): string {
  return `${round(median)} [${round(min)}, ${round(max)}]`
}

/** A number with three significant digits, or all digits before the point if there are more. */
function round (value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-GB') : String(Number(value.toPrecision(3)))
}
