/**
 * Places on a grid of thresholds. A whole number k is the threshold k. Between k and k + 1 lie seven lotteries: at k + q, for q = 1/8 to
 * 7/8, a generation has the looser threshold k + 1 with chance q, by a hash of its id, and else k. So its expected loss and savings lie
 * between those of the two, and where the looser one loses too much, a part of what it saves can still be certified.
 */
export const LOTTERY_STEP = 1 / 8

/** What is drawn for each generation: the looser threshold, and the share of the generations that have it. */
export interface Lottery { readonly threshold: number, readonly share: number }

/** The lottery at a place; `null` at a threshold, or where nothing is in force. */
export function lotteryAt (grid: readonly number[], place: number): Lottery | null {
  const k = Math.floor(place)
  return place === k ? null : { threshold: grid[k + 1]!, share: place - k }
}

/** The safer of the two thresholds at a place; `null` for -1. */
export function thresholdAt (grid: readonly number[], place: number): number | null {
  return grid[Math.floor(place)] ?? null
}

/** The mean of a value that is known at each threshold. */
export function valueAt (values: readonly number[], place: number): number {
  const k = Math.floor(place)
  return place === k ? values[k]! : values[k]! + (place - k) * (values[k + 1]! - values[k]!)
}

/** The place that is tested after another one. @param isSplit whether stops differ between a threshold and the next one */
export function nextPlace (place: number, isSplit: (k: number) => boolean): number {
  return place === -1 || (Number.isInteger(place) && !isSplit(place)) ? place + 1 : place + LOTTERY_STEP
}
