/** Where values lie in a picture, between two places of it. */
export interface Axis {
  readonly from: number
  readonly to: number
  /** Round numbers on it. */
  readonly ticks: readonly number[]
  readonly at: (value: number) => number
}

export interface Span {
  /** What it spans where the values do not, so that noise is not blown up. */
  readonly atLeast: number
  /** About how many ticks. */
  readonly marks: number
  /** It ends with the values, which are whole; else at ticks. */
  readonly isTight?: boolean
}

/** An axis that holds all values. */
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

/** 1, 2 or 5 times a power of ten, no less than this. */
function roundStep (least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5].map((factor) => factor * power).find((step) => step >= least * (1 - 1e-9)) ?? 10 * power
}
