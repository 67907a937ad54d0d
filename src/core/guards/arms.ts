import type { Arm } from '../decide/arm.js'
import { representsGroup } from '../outcome/observed-stop.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import type { Label, Policy } from '../policy/policy.js'
import {
  addProducts, type Estimate, NO_PRODUCTS, type Products, productsOf, squaresAbout, studentQuantile, Z,
} from '../stats/weighted-sums.js'

/** Sums for a weighted mean: samples and their values, weighted, and the products times the squares of the weights. */
interface MeanSums { readonly samples: number, readonly sum: number, readonly squared: Products }

const NO_MEAN: MeanSums = { samples: 0, sum: 0, squared: NO_PRODUCTS }

/** The reported generations of one arm. Of a group one sample counts. */
interface ArmSums {
  readonly generations: number
  readonly tokens: MeanSums
  /** Of generations whose outcome came with its grade. */
  readonly em: MeanSums
}

/** Both arms since a threshold came into force, or mode or pin changed. */
export type Arms = Readonly<Record<Arm, ArmSums>>

const NO_ARM: ArmSums = { generations: 0, tokens: NO_MEAN, em: NO_MEAN }

export const NO_ARMS: Arms = { control: NO_ARM, treated: NO_ARM }

type Reported = Pick<LoggedOutcome, 'tokens' | 'full' | 'cancelled' | 'generation_id' | 'sample_index' | 'samples'>

/**
 * Adds an outcome to its arm. A control generation stands for (1 - p)/p treated ones of the same time, p being the share at which it was
 * drawn, so that both arms estimate a mean over the treated traffic whatever the share was. Cancelled ones are left out in both arms.
 * @param share 0.5 for a treated generation, which stands for itself
 */
export function addToArm (arms: Arms, arm: Arm, outcome: Reported, label: Label, share = 0.5): Arms {
  if (outcome.cancelled === true || share === 1 || !representsGroup(outcome)) return arms
  const weight = (1 - share) / share
  const { generations, tokens, em } = arms[arm]
  const grade = outcome.full[label]
  const next = {
    generations: generations + 1,
    tokens: addValue(tokens, outcome.tokens, weight),
    em: grade === undefined ? em : addValue(em, grade, weight),
  }
  return arm === 'control' ? { control: next, treated: arms.treated } : { control: arms.control, treated: next }
}

export function addValue (sums: MeanSums, value: number, weight: number): MeanSums {
  return {
    samples: sums.samples + weight,
    sum: sums.sum + weight * value,
    squared: addProducts(sums.squared, productsOf(value), weight * weight),
  }
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

/**
 * A share, with Wilson's interval (Wilson 1927) for the effective number of samples. Near 0 and 1 a linearised error is far too small: if
 * the only wrong answer has a small weight, it is nearly zero. Where the linearised error is the larger one, it sets the number.
 */
function estimateShare (sums: MeanSums): Estimate | null {
  const { samples, sum, squared } = sums
  if (isTooFew(sums)) return null
  const estimate = sum / samples
  const kish = samples * samples / squared.nn
  const variance = varianceOf(sums)
  const units = variance === 0 ? kish : Math.min(kish, estimate * (1 - estimate) / variance)
  const z = studentQuantile(kish - 1)
  const centre = estimate + z * z / (2 * units)
  const radius = z * Math.sqrt(estimate * (1 - estimate) / units + z * z / (4 * units * units))
  const scale = 1 + z * z / units
  const low = Math.max(0, (centre - radius) / scale)
  const high = Math.min(1, (centre + radius) / scale)
  return { estimate, low: Math.min(estimate, low), high: Math.max(estimate, high) } // rounding must not exclude the estimate
}

/**
 * Part of the measured samples that must be graded: where only some stops are labelled, these differ from the others. The part that is not
 * graded moves EM by as much as itself at most (Manski 2003, Partial Identification of Probability Distributions, 1.1).
 */
const GRADED_PART = 0.95

/** EM of the served answers; `null` also while too many are not graded. */
export function estimateEm ({ tokens: measured, em: graded }: Pick<ArmSums, 'tokens' | 'em'>): Estimate | null {
  return graded.samples < GRADED_PART * measured.samples ? null : estimateShare(graded)
}

/** Right and wrong answers that each arm must have before the difference is shown: its interval rests on a limit theorem. */
const ENOUGH_GRADED = 20

/** The effective number of right answers or of wrong ones, whichever is smaller. */
function rarer ({ samples, sum, squared }: MeanSums): number {
  const em = sum / samples
  return samples * samples / squared.nn * Math.min(em, 1 - em)
}

/** Chance that the interval of the difference ever excludes the true one, and so that `doArmsDiffer` raises a false alarm. */
const LEVEL = 0.001

/**
 * EM of treated less that of control. The radius of the interval rises with ln n as that of a mixture of normal bets (Robbins 1970,
 * "Statistical methods related to the law of the iterated logarithm"), so that it may be read after every outcome. `null` while the EM of
 * an arm is unknown.
 */
export function emDifference ({ control, treated }: Arms): Estimate | null {
  const [ofControl, ofTreated] = [estimateEm(control), estimateEm(treated)]
  if (ofControl === null || ofTreated === null || Math.min(rarer(control.em), rarer(treated.em)) < ENOUGH_GRADED) return null
  const variance = varianceOf(control.em) + varianceOf(treated.em)
  const n = Math.min(control.generations, treated.generations)
  const radius = Math.sqrt((2 * Math.log(1 / LEVEL) + Math.log(1 + n)) * variance)
  const estimate = ofTreated.estimate - ofControl.estimate
  return { estimate, low: estimate - radius, high: estimate + radius }
}

/** Whether graded treated generations lose more EM against control ones than is allowed, at level 0.001. */
export function doArmsDiffer (arms: Arms, { max_em_drop: bound }: Pick<Policy, 'max_em_drop'>): boolean {
  const difference = emDifference(arms)
  return difference !== null && difference.high < -bound
}

function varianceOf ({ samples, sum, squared }: MeanSums): number { return squaresAbout(sum / samples, squared) / (samples * samples) }

function isTooFew ({ samples, squared }: MeanSums): boolean { return samples === 0 || samples * samples < ENOUGH * squared.nn }
