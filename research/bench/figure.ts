/** The median, minimum and maximum of a number that was measured several times. */
export interface Spread { readonly median: number, readonly min: number, readonly max: number }

/** A row of the table. */
export interface Figure {
  readonly name: string
  readonly unit: string
  readonly value: Spread
  /** The figure of the bare echo, and the ratio of the service to it, round by round. */
  readonly ratio?: Spread
  readonly note?: string
}

export function spreadOf (values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), min: sorted[0]!, max: sorted.at(-1)! }
}

/** A quantile of sorted numbers, interpolated. */
export function quantile (sorted: ArrayLike<number>, q: number): number {
  const at = q * (sorted.length - 1)
  const low = sorted[Math.floor(at)]!
  return low + (sorted[Math.ceil(at)]! - low) * (at - Math.floor(at))
}

/** A note on refused requests, which are in no figure. */
export function refusedOf (results: ReadonlyArray<{ readonly refused: number }>): string {
  const refused = results.reduce((sum, one) => sum + one.refused, 0)
  return refused > 0 ? `; ${refused} refused` : ''
}
