import { emDropInterval } from './em-drop-interval.js'
import type { Estimate } from './weighted-sums.js'

// Right answers that stops have cost, estimated from the control generations that the savings are estimated from.

/**
 * Sums over control samples whose loss at the threshold in force is known. Each has the weight w that it has in the savings (see
 * `Savings`). Samples without their label are left out.
 */
export interface LostAnswers {
  /** The sums of w, and over units of the square of w times their samples. */
  readonly samples: number
  readonly squares: number
  /** The weighted losses and gains. */
  readonly lost: number
  readonly gained: number
}

export const NO_LOSSES: LostAnswers = { samples: 0, squares: 0, lost: 0, gained: 0 }

/**
 * Adds a control sample.
 * @param loss EM of the full answer less EM of the one at the threshold in force
 * @param earlier samples of its unit that were added before
 */
export function addLoss ({ samples, squares, lost, gained }: LostAnswers, loss: number, weight: number, earlier: number): LostAnswers {
  return {
    samples: samples + weight,
    squares: squares + weight * weight * (2 * earlier + 1), // a unit of n samples adds n squared
    lost: lost + weight * Math.max(0, loss),
    gained: gained + weight * Math.max(0, -loss),
  }
}

/** Chance that an interval misses. */
const LEVEL = 0.05

/**
 * Right answers that treated generations have lost, less those that they have gained, with a 95 % interval; `null`: no loss is known. The
 * interval is that of the EM drop for the effective number of units (Kish 1965), which also holds where nothing was seen to be lost.
 */
export function estimateLost ({ samples, squares, lost, gained }: LostAnswers, generations: number): Estimate | null {
  if (generations === 0) return { estimate: 0, low: 0, high: 0 }
  if (samples === 0) return null
  const units = samples * samples / squares
  const each = units / samples
  const drop = emDropInterval({ lost: each * lost, kept: each * (samples - lost - gained), gained: each * gained }, LEVEL)
  return { estimate: generations * (lost - gained) / samples, low: generations * drop.low, high: generations * drop.high }
}
