import { zeroList } from '../stats/evidence.js'
import { Detector, type Wealth } from './detector.js'

/**
 * Late labels do not hide drift. That an answer lost shows only with its label, or once its follow-up is over; that it differs from the
 * final answer shows with its outcome. So a jump of the share of control samples whose answer differs at the threshold in force, and awaits
 * its label, is a suspicion of drift. It is no more than that, since answers may differ without any loss.
 */

/** The control samples of an epoch whose outcomes came without a label. */
export interface LateLabels {
  /** Both are halved when there are 2,048, so that a jump without any loss is not suspected for ever. */
  readonly reported: number
  /** Those of them, by threshold, whose answer differed, so that it needed a label. */
  readonly differing: readonly number[]
  /** Over the units whose labels may still come. */
  readonly detector: Wealth
}

const MOST_REPORTED = 2048

/** As of drift, but suspected later, since most answers that differ lose nothing. */
export const LATE_LABELS = new Detector({ bets: [1 / 4, 1 / 2, 0.95], suspectedFrom: 3, calmBelow: 1.2 })

/**
 * Counts a control sample that came without its label.
 * @param last `undefined` before the first one
 * @param differences of its worst case, by threshold: where they are not 0, it needs a label
 */
export function addLate (last: LateLabels | undefined, differences: readonly number[]): LateLabels {
  const { reported, differing, detector } = last ?? { reported: 0, differing: zeroList(differences.length), detector: LATE_LABELS.start }
  const sum = differences.every((d) => d === 0) ? differing : differing.map((samples, k) => samples + (differences[k] === 0 ? 0 : 1))
  if (reported + 1 < MOST_REPORTED) return { reported: reported + 1, differing: sum, detector }
  return { reported: (reported + 1) / 2, differing: sum.map((samples) => samples / 2), detector }
}

/** Units of a slice by the part of their samples that differs at the threshold in force and awaits a label. */
export type AwaitingUnits = ReadonlyArray<readonly [part: number, units: number]>

/**
 * Watches the slices that are not final, from the oldest on. A rise of the share is tolerated by as much as the EM drop may be, and by one
 * standard error of what is known of it.
 * @param k index of the threshold in force
 * @param a max_em_drop
 */
export function watchLate (late: LateLabels, slices: readonly AwaitingUnits[], k: number, a: number): LateLabels {
  const { reported, differing } = late
  const usual = (differing[k]! + Math.sqrt(differing[k]!)) / reported
  return { ...late, detector: slices.reduce((wealth, units) => LATE_LABELS.watchSlice(wealth, units, usual + a), LATE_LABELS.start) }
}

/** @param was whether drift was suspected before */
export function areLabelsLate (late: LateLabels | undefined, was = false): boolean {
  return late !== undefined && LATE_LABELS.isSuspected(late.detector, was)
}
