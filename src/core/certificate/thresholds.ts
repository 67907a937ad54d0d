/**
 * The 30 candidate thresholds, safest first: equally spaced in log-odds from +7 to -2,
 * lambda_k = 1/(1+exp(-(7 - 9k/29))). Written down as constants, so that every implementation agrees to the bit.
 */
export const GRID: readonly number[] = [
  0.9990889488055994, 0.9987578333319665, 0.9983065801251294,
  0.9976917749129804, 0.9968544646558322, 0.995714724119082,
  0.9941644321251797, 0.9920577617873176, 0.9891988352143963,
  0.9853260176559604, 0.9800925256439704, 0.9730435672514532,
  0.963591390653982, 0.9509917735472369, 0.9343290746690791,
  0.9125222174950202, 0.884370272997969, 0.8486610605386135,
  0.8043635263619703, 0.7509056509048028, 0.6884973123555822,
  0.6183990709384134, 0.542996988453704, 0.4655718070254902,
  0.389770773402332, 0.3189458042953346, 0.25559986396238643,
  0.201119784232575, 0.1558211936886601, 0.11920292202211755,
]

/**
 * Places on a grid of thresholds. A whole number k is the threshold k. Between k and k + 1 lie seven lotteries: at k + q, for q = 1/8 to
 * 7/8, a generation has the looser threshold k + 1 with chance q, by a hash of its id, otherwise k. So its expected loss and savings lie
 * between those of the two, and where the looser one loses too much, a part of what it saves can still be certified.
 */
export const LOTTERY_STEP = 1 / 8

/** A draw for each generation: the looser threshold, and the share of the generations that get it. */
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
