/** Maps values to positions in a picture. */
export interface Axis {
  readonly from: number
  readonly to: number
  /** Round values to label. */
  readonly ticks: readonly number[]
  readonly at: (value: number) => number
}

export interface Span {
  /** Smallest range, so that noise is not magnified. */
  readonly atLeast: number
  /** Approximate number of ticks. */
  readonly marks: number
  /** Whether it ends at the extreme values, which must be integers, instead of at ticks. Default: false. */
  readonly isTight?: boolean
}

/** An axis from position `from` to position `to` that contains all values. */
export function axisOf (values: readonly number[], from: number, to: number, { atLeast, marks, isTight = false }: Span): Axis {
  const least = values.reduce((a, b) => Math.min(a, b), Infinity)
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity)
  const missing = Math.max(0, atLeast - (most - least)) / 2
  const low = Math.max(0, least - missing)
  const high = most + missing
  const step = Math.max(roundStep((high - low) / marks), isTight ? 1 : 0)
  const first = isTight ? Math.ceil(low / step - 1e-9) : Math.floor(low / step + 1e-9)
  const last = isTight ? Math.floor(high / step + 1e-9) : Math.ceil(high / step - 1e-9)
  const round = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
  const ticks = isTight && least === most ? [least] : round
  const [start, end] = isTight ? [low, high] : [first * step, last * step]
  return { from, to, ticks, at: (value) => from + (value - start) / (end - start) * (to - from) }
}

/** The smallest of 1, 2 and 5 times powers of ten that is at least this. */
function roundStep (least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5].map((factor) => factor * power).find((step) => step >= least * (1 - 1e-9)) ?? 10 * power
}
