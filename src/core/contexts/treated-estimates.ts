import { sumUnreported, NONE_UNREPORTED, type Unreported } from '../enrolment/enrolment-list.js'
import { type MeanSums, NO_MEAN } from './arms.js'
import { type Estimate, Z } from './weighted-sums.js'

/**
 * What the enrolled treated generations of an epoch show of all treated ones. Each stands for as many as its draw says (`reportWeight`), so
 * these are estimates whether or not the others report.
 */
export interface TreatedSums {
  /** Variance of the number of treated generations, which the state has: the sum of w (w - 1), by unit. */
  readonly count_variance: number
  readonly tokens: MeanSums
  /** Of generations whose answer is graded. */
  readonly em: MeanSums
  readonly unreported: Unreported
}

export const NO_TREATED: TreatedSums = { count_variance: 0, tokens: NO_MEAN, em: NO_MEAN, unreported: NONE_UNREPORTED }

export function addUnreported (sums: TreatedSums, more: Unreported): TreatedSums {
  return { ...sums, unreported: sumUnreported(sums.unreported, more) }
}

/** Counts a generation that stands for several. @param earlier samples of its unit that were counted */
export function addCounted (sums: TreatedSums, weight: number, earlier: number): TreatedSums {
  return { ...sums, count_variance: sums.count_variance + weight * (weight - 1) * (2 * earlier + 1) }
}

/**
 * The number of treated generations, with an interval that is symmetric in the logarithm, since few of them may report.
 * @param counted sum of the weights
 */
export function estimateCount ({ count_variance: variance }: TreatedSums, counted: number): Estimate {
  const factor = counted === 0 ? 1 : Math.exp(Z * Math.sqrt(variance) / counted)
  return { estimate: counted, low: counted / factor, high: counted * factor }
}
