import { sumUnreported, NONE_UNREPORTED, type Unreported } from '../enrolment/enrolment-list.js'
import { addProducts, type Estimate, NO_PRODUCTS, type Products, productsOf, squaresAbout, studentQuantile, type UnitSoFar, Z } from './weighted-sums.js'

/** Sums for a weighted mean: samples and their values, weighted, and the products times the squares of the weights. */
interface MeanSums { readonly samples: number, readonly sum: number, readonly squared: Products }

const NO_MEAN: MeanSums = { samples: 0, sum: 0, squared: NO_PRODUCTS }

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

/** @param earlier samples of its unit, before this one */
export function addValue (sums: MeanSums, value: number, weight: number, earlier: UnitSoFar): MeanSums {
  return {
    samples: sums.samples + weight,
    sum: sums.sum + weight * value,
    squared: addProducts(sums.squared, productsOf(value, earlier), weight * weight),
  }
}

/** Counts a generation that stands for several. @param earlier samples of its unit that were counted */
export function addCounted (sums: TreatedSums, weight: number, earlier: number): TreatedSums {
  return { ...sums, count_variance: sums.count_variance + weight * (weight - 1) * (2 * earlier + 1) }
}

/**
 * Effective number of samples, (sum w)^2 / sum(w^2) (Kish 1965, Survey Sampling, 11.7), from which on an estimate is shown. A choice, lower
 * than the 30 that Cochran (1977, Sampling Techniques, 6.4 and table 3.3) asks for in ratios and in shares near a half: an operator sees a
 * wide interval sooner. docs/evidence/savings.md has the coverage.
 */
const ENOUGH = 20
/** The same where samples are weighted by tokens. With fewer, the expansion of Student's quantile is more than 2 % short. */
const FEWEST_UNITS = 5

/**
 * The number of treated generations, with an interval that is symmetric in the logarithm, since few of them may report.
 * @param counted sum of the weights
 */
export function estimateCount ({ count_variance: variance }: TreatedSums, counted: number): Estimate {
  const factor = counted === 0 ? 1 : Math.exp(Z * Math.sqrt(variance) / counted)
  return { estimate: counted, low: counted / factor, high: counted * factor }
}

/**
 * A mean of lengths. A few may be much longer than the others, so its interval is symmetric in the logarithm and takes the effective number
 * of units (see `estimateSavings`), and its upper end is raised further: a sample without the longest ones has both a low mean and a small
 * error. Let c be the coefficient of variation and g the skewness. The studentised logarithm of the mean has its lower quantile at
 * -z - (g (2 z^2 + 1) / 6 - c z^2 / 2) / sqrt(n): the first term is that of the mean (Hall 1992, The Bootstrap and Edgeworth Expansion,
 * 2.6), the second that of the logarithm. A sample without the longest ones also shows too small a g, so g = 3 c stands for it, as in an
 * inverse Gaussian distribution (Johnson, Kotz & Balakrishnan 1994, ch. 15). That leaves (z^2 + 1) / 2 times the relative error,
 * c / sqrt(n). The lower end stays, since g is a guess.
 */
export function estimateMean (sums: MeanSums): Estimate | null {
  const { samples, sum, squared } = sums
  if (isTooFew(sums) || sum === 0) return null
  const estimate = sum / samples
  const units = sum * sum / squared.tt
  const error = Math.sqrt(squaresAbout(estimate, squared) * units / (units - 1)) / sum
  const factor = Math.exp(studentQuantile(units - 1) * error)
  const raised = Math.exp(error * error * (Z * Z + 1) / 2)
  return units < FEWEST_UNITS ? null : { estimate, low: estimate / factor, high: estimate * factor * raised }
}

/** A share, with the interval of a ratio by linearisation. */
function estimateShare (sums: MeanSums): Estimate | null {
  const { samples, sum, squared } = sums
  if (isTooFew(sums)) return null
  const units = samples * samples / squared.nn
  const estimate = sum / samples
  const error = studentQuantile(units - 1) * Math.sqrt(squaresAbout(estimate, squared) * units / (units - 1)) / samples
  return { estimate, low: Math.max(0, estimate - error), high: Math.min(1, estimate + error) }
}

/**
 * Part of the measured samples that must be graded: where only some stops are labelled, these differ from the others. The part that is not
 * graded moves EM by as much as itself at most (Manski 2003, Partial Identification of Probability Distributions, 1.1).
 */
const GRADED_PART = 0.95

/** EM of the served answers; `null` also while too many are not graded. */
export function estimateEm ({ tokens: measured, em: graded }: TreatedSums): Estimate | null {
  return graded.samples < GRADED_PART * measured.samples ? null : estimateShare(graded)
}

function isTooFew ({ samples, squared }: MeanSums): boolean { return samples === 0 || samples * samples < ENOUGH * squared.nn }
