import type { Arm } from '../assignment/arm.js'
import { CEILING, suspicion } from './drift.js'

/** Sums over the units of one arm. EM and tokens of a group are means over its samples. */
interface ArmFigures {
  readonly units: number
  /** Units by their EM, as far as it is known, or counts as right or wrong; the least EM first. */
  readonly by_em: ReadonlyArray<readonly [em: number, units: number]>
  /** Of these, units that count as right or wrong since their EM is not known. A group counts by its samples. */
  readonly ungraded: number
  /** Units whose tokens are known. */
  readonly measured: number
  readonly tokens: number
  readonly token_squares: number
}

/** Both arms of the units that were drawn at one control share. */
export interface ArmSums { readonly share: number, readonly control: ArmFigures, readonly treated: ArmFigures }

const NO_FIGURES: ArmFigures = { units: 0, by_em: [], ungraded: 0, measured: 0, tokens: 0, token_squares: 0 }

export const NO_ARM_SUMS: readonly ArmSums[] = []

/** The fields of a unit that the comparison of the arms uses. `em` and `tokens` are `null` where they are unknown. */
export interface ComparedUnit {
  readonly arm: Arm
  readonly share: number
  readonly em: number | null
  /** Part of its samples that count as right or wrong in `em` since their EM is not known; absent: none. */
  readonly ungraded?: number
  readonly tokens: number | null
}

export function addCompared (sums: readonly ArmSums[], { arm, share, em, ungraded = 0, tokens }: ComparedUnit): readonly ArmSums[] {
  const known = sums.find((one) => one.share === share)
  const mine = known ?? { share, control: NO_FIGURES, treated: NO_FIGURES }
  const figures = addFigures(mine[arm], {
    units: 1,
    by_em: em === null ? [] : [[em, 1]],
    ungraded,
    measured: tokens === null ? 0 : 1,
    tokens: tokens ?? 0,
    token_squares: (tokens ?? 0) ** 2,
  })
  const next = arm === 'control' ? { share, control: figures, treated: mine.treated } : { share, control: mine.control, treated: figures }
  return known === undefined ? [...sums, next] : sums.map((one) => one === known ? next : one)
}

export function mergeArmSums (a: readonly ArmSums[], b: readonly ArmSums[]): readonly ArmSums[] {
  if (b.length === 0) return a
  const merged = new Map(a.map((sums) => [sums.share, sums]))
  for (const sums of b) {
    const mine = merged.get(sums.share)
    merged.set(sums.share, mine === undefined
      ? sums
      : { share: sums.share, control: addFigures(mine.control, sums.control), treated: addFigures(mine.treated, sums.treated) })
  }
  return [...merged.values()]
}

function addFigures (a: ArmFigures, b: ArmFigures): ArmFigures {
  return {
    units: a.units + b.units,
    by_em: addByEm(a.by_em, b.by_em),
    ungraded: a.ungraded + b.ungraded,
    measured: a.measured + b.measured,
    tokens: a.tokens + b.tokens,
    token_squares: a.token_squares + b.token_squares,
  }
}

/** Merges two lists that are sorted by EM. */
function addByEm (a: ArmFigures['by_em'], b: ArmFigures['by_em']): ArmFigures['by_em'] {
  if (b.length === 0) return a
  const merged: Array<readonly [em: number, units: number]> = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [x, y] = [a[i], b[j]]
    if (y === undefined || (x !== undefined && x[0] < y[0])) merged.push(a[i++]!)
    else if (x === undefined || y[0] < x[0]) merged.push(b[j++]!)
    else {
      merged.push([x[0], x[1] + y[1]])
      i++
      j++
    }
  }
  return merged
}

/** Sums over the compared generations of one arm. */
export interface ArmTotals {
  readonly generations: number
  readonly tokens: number
  readonly labelled: number
  readonly ungraded: number
  readonly em: number
}

/** Sums over `n` generations for the difference of the arms in one figure; see `addContrast`. */
interface Contrast { readonly n: number, readonly weight: number, readonly sum: number, readonly square: number }

/** Control against treated, by the arm drawn, while a threshold was in force. */
export interface Arms {
  readonly control: ArmTotals
  readonly treated: ArmTotals
  readonly em_contrast: Contrast
  readonly tokens_contrast: Contrast
  /** An e-detector for "treated generations lose more EM than is tolerated": the value of M for each bet. */
  readonly detector: readonly number[]
}

/** Treated minus control, per treated generation. */
interface Difference { readonly estimate: number, readonly low: number, readonly high: number }

const NO_TOTALS: ArmTotals = { generations: 0, tokens: 0, labelled: 0, ungraded: 0, em: 0 }
const NO_CONTRAST: Contrast = { n: 0, weight: 0, sum: 0, square: 0 }

const BREACH_BETS = [0.03, 0.06, 0.12, 0.25, 0.5, 0.95]

export const NO_ARMS: Arms = {
  control: NO_TOTALS,
  treated: NO_TOTALS,
  em_contrast: NO_CONTRAST,
  tokens_contrast: NO_CONTRAST,
  detector: BREACH_BETS.map(() => 1),
}

/** Right and wrong answers, and generations, that each arm must have before an interval is shown: it rests on a limit theorem. */
const ENOUGH_EM = 20
const ENOUGH_TOKENS = 500
/** Compared generations for which the interval is tuned to be tightest. */
const TIGHTEST = 1000

/**
 * Takes in the sums of one slice, whose units were drawn before their outcomes were known.
 * @param bound EM drop that is tolerated
 * @param isBeginning `false`: the sums are a later part of the slice
 */
export function compareSlice (arms: Arms, sums: readonly ArmSums[], bound: number, isBeginning = true): Arms {
  if (sums.every(({ share }) => share === 1)) return arms // no unit was treated
  return sums.reduce(compareAtShare, { ...arms, detector: watchArms(arms, sums, bound, isBeginning) })
}

/** Units of a slice where outcomes count on arrival. */
const UNITS_OF_SLICE = 32

/** Takes in one unit where outcomes count on arrival. */
export function compareOnArrival (arms: Arms, unit: ComparedUnit, bound: number): Arms {
  const isBeginning = (arms.control.generations + arms.treated.generations) % UNITS_OF_SLICE === 0
  return compareSlice(arms, addCompared(NO_ARM_SUMS, unit), bound, isBeginning)
}

/**
 * The detector after a slice. With y the EM of a unit and p its chance of being control, z = (y - m)/p for a control unit and
 * -(y - m)/(1 - p) for a treated one has the EM lost by treated ones as its mean, whatever m is (inverse probability weighting), and is at
 * least -B, B = max(m/p, (1 - m)/(1 - p)). So 1 + b/(B + a) (z - a) is a bet on a mean above a (CUSUM form: Shin, Ramdas & Rinaldo 2022,
 * "E-detectors"). m is what control showed before the slice. M has its floor where a slice begins: with a floor at each unit, the order of
 * the arms alone raises false alarms.
 */
function watchArms (
  { control: { labelled, em }, detector }: Arms, sums: readonly ArmSums[], a: number, isBeginning: boolean
): readonly number[] {
  const m = highEm(labelled, em)
  const start = isBeginning ? detector.map((value) => Math.max(value, 1)) : detector
  return sums.reduce<readonly number[]>((next, { share, control, treated }) => share === 1
    ? next // no unit was treated
    : betOnArms(next, { p: controlChance(share), m, control: control.by_em, treated: treated.by_em }, a), start)
}

/** Units of a slice that had the same chance `p` of being control, by EM; `m` is the EM expected of control. */
interface BetUnits { readonly p: number, readonly m: number, readonly control: ArmFigures['by_em'], readonly treated: ArmFigures['by_em'] }

/** In logarithms: the powers of a slice of thousands of units are beyond the range of a double, and their product would be NaN. */
export function betOnArms (detector: readonly number[], { p, m, control, treated }: BetUnits, a: number): readonly number[] {
  const worst = Math.max(m / p, (1 - m) / (1 - p))
  const differences = [
    ...control.map(([em, units]) => [(em - m) / p, units] as const),
    ...treated.map(([em, units]) => [-(em - m) / (1 - p), units] as const),
  ]
  return detector.map((value, i) => {
    const log = differences.reduce((sum, [z, units]) => sum + units * Math.log1p(BREACH_BETS[i]! / (worst + a) * (z - a)), Math.log(value))
    return Math.min(CEILING, Math.exp(log))
  })
}

/** An estimate of EM on the high side, from `n` units with so much EM in all. */
export function highEm (n: number, em: number): number {
  const estimate = (em + 1) / (n + 2)
  return Math.min(1, estimate + Math.sqrt(estimate * (1 - estimate) / (n + 1)))
}

/** The chance that an enrolled unit is control: all with a draw below twice the share are enrolled. */
function controlChance (share: number): number { return share / Math.min(1, 2 * share) }

/** @param sums of the units that were drawn at one share; all with a draw below twice the share were enrolled */
function compareAtShare (arms: Arms, { share, control, treated }: ArmSums): Arms {
  if (share === 1) return arms // no unit was treated
  const p = controlChance(share)
  const before = arms.control
  const centre = before.labelled === 0 ? 0.5 : before.em / before.labelled
  const measured = before.generations === 0 ? control : { tokens: before.tokens, measured: before.generations }
  const usualTokens = measured.measured === 0 ? 0 : measured.tokens / measured.measured
  const figures = ({ by_em: by }: ArmFigures) => momentsOf(by)
  const tokens = ({ measured: n, tokens: sum, token_squares: squares }: ArmFigures) => ({ n, sum, squares })
  return {
    ...arms,
    control: addTotals(arms.control, control),
    treated: addTotals(arms.treated, treated),
    em_contrast: addContrast(arms.em_contrast, p, centre, figures(control), figures(treated)),
    tokens_contrast: addContrast(arms.tokens_contrast, p, usualTokens, tokens(control), tokens(treated)),
  }
}

function addTotals (totals: ArmTotals, { measured, tokens, ungraded, by_em: by }: ArmFigures): ArmTotals {
  const { n: graded, sum: em } = momentsOf(by)
  return {
    generations: totals.generations + measured,
    tokens: totals.tokens + tokens,
    labelled: totals.labelled + graded,
    ungraded: totals.ungraded + ungraded,
    em: totals.em + em,
  }
}

interface Moments { readonly n: number, readonly sum: number, readonly squares: number }

function momentsOf (by: ArmFigures['by_em']): Moments {
  let [n, sum, squares] = [0, 0, 0]
  for (const [em, units] of by) {
    n += units
    sum += units * em
    squares += units * em * em
  }
  return { n, sum, squares }
}

/**
 * Adds z = y for each treated unit and z = -y (1-p)/p for each control one, p being the chance that an enrolled unit is control and y its
 * figure less what was usual before the slice. If the arms do not differ, each z has mean 0 given the past, whatever the share and the
 * traffic were until then (inverse probability weighting); if they differ, z sums to the difference for each of the (1-p) treated.
 */
function addContrast (contrast: Contrast, p: number, usual: number, control: Moments, treated: Moments): Contrast {
  const odds = (1 - p) / p
  const centred = ({ n, sum, squares }: Moments) => ({ sum: sum - n * usual, square: squares - 2 * usual * sum + n * usual * usual })
  const [c, t] = [centred(control), centred(treated)]
  const n = control.n + treated.n
  return {
    n: contrast.n + n,
    weight: contrast.weight + n * (1 - p),
    sum: contrast.sum + t.sum - odds * c.sum,
    square: contrast.square + t.square + odds * odds * c.square,
  }
}

/**
 * An interval for the difference that is valid however often one looks: an asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha,
 * Kennedy & Ramdas 2024, "Time-uniform central limit theory and asymptotic confidence sequences", theorem 2.2),
 * |sum - mean| <= s sqrt(n) sqrt(2 (n r^2 + 1)/(n r^2) ln(sqrt(n r^2 + 1)/level)), with r tuned to be tightest at 1,000 generations.
 */
function differenceOf ({ n, weight, sum, square }: Contrast, level: number): Difference | null {
  if (weight === 0) return null
  const tuning = -2 * Math.log(level) + Math.log(1 - 2 * Math.log(level))
  const scale = n * tuning / TIGHTEST
  const variance = Math.max(0, square - sum * sum / n)
  const radius = Math.sqrt(variance * 2 * (scale + 1) / scale * Math.log(Math.sqrt(scale + 1) / level))
  return { estimate: sum / weight, low: (sum - radius) / weight, high: (sum + radius) / weight }
}

/** EM of treated minus control; `null` while an arm has few right or wrong answers. @param level chance that the interval is ever wrong */
export function emDifference ({ em_contrast: contrast, control, treated }: Arms, level: number): Difference | null {
  const fewest = Math.min(...[control, treated].flatMap(({ labelled, em }) => [em, labelled - em]))
  return fewest < ENOUGH_EM ? null : differenceOf(contrast, level)
}

/** Mean tokens of treated minus control; `null` while an arm has few generations. @param level chance that the interval is ever wrong */
export function tokensDifference ({ tokens_contrast: contrast, control, treated }: Arms, level: number): Difference | null {
  return Math.min(control.generations, treated.generations) < ENOUGH_TOKENS ? null : differenceOf(contrast, level)
}

/** Compared units of an arm from which the share of those whose EM is known is estimated well enough. */
const ENOUGH_COMPARED = 32

/** The larger part of an arm that counts as right or wrong since its EM is not known. Such units hide a loss of about as much EM. */
export function ungradedShare ({ control, treated }: Pick<Arms, 'control' | 'treated'>): number {
  return Math.max(...[control, treated].map(({ labelled, ungraded }) => labelled < ENOUGH_COMPARED ? 0 : ungraded / labelled))
}

/** With a known EM in less than one unit of 32, the comparison of the arms takes 32 times as many units, which is tens of thousands. */
const LEAST_GRADED = 1 / 32
/** Where half of an arm counts as right or wrong without being known, that half hides any loss of the other. */
const MOST_UNGRADED = 1 / 2

/**
 * Whether the comparison shows nothing, since the EM of too many units of an arm is not known. If missing labels are lost, these count as
 * right or wrong; if they are excluded, and where outcomes count on arrival, they are left out.
 */
export function areArmsBlind ({ control, treated }: Pick<Arms, 'control' | 'treated'>): boolean {
  const isUnlabelled = ({ generations, labelled, ungraded }: ArmTotals) =>
    generations >= ENOUGH_COMPARED && labelled - ungraded < LEAST_GRADED * generations
  return isUnlabelled(control) || isUnlabelled(treated) || ungradedShare({ control, treated }) > MOST_UNGRADED
}

/** The detector's mean, at least 1. Whether it is enough for a suspicion, or for an alarm, is the same as for drift (see drift.ts). */
export function armsSuspicion ({ detector }: Arms): number { return suspicion(detector) }
