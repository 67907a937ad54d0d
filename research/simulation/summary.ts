/** A quantile by linear interpolation between order statistics. */
export function quantile (values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = q * (sorted.length - 1)
  const low = sorted[Math.floor(place)]!
  const high = sorted[Math.ceil(place)]!
  return low === high ? low : low + (place - Math.floor(place)) * (high - low) // Infinity - Infinity is NaN
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

export function mean (values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

export function standardError (values: readonly number[]): number {
  const centre = mean(values)
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)) / (values.length - 1))
}

/** `median (10th-90th percentile)`; Infinity is written as `never`. */
export function spread (values: readonly number[], write: (value: number) => string = count): string {
  const word = (value: number) => Number.isFinite(value) ? write(value) : 'never'
  return `${word(median(values))} (${word(quantile(values, 0.1))}-${word(quantile(values, 0.9))})`
}

export const count = (value: number): string => Math.round(value).toLocaleString('en-GB')
export const points = (value: number): string => (100 * value).toFixed(2)
export const percent = (value: number): string => (100 * value).toFixed(1)

/** A Markdown table. */
export function table (header: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  return [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
