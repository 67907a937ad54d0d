import { drawArm, type Arm } from '../assignment/arm.js'

/** Sums over the compared generations of one arm. */
export interface ArmTotals {
  readonly generations: number
  readonly tokens: number
  readonly labelled: number
  readonly em: number
}

/** Sums over `n` generations for the difference of the arms in one figure; see `addContrast`. */
export interface Contrast { readonly n: number, readonly weight: number, readonly sum: number, readonly square: number }

/** Control against treated, by the arm drawn, while a threshold was in force. */
export interface Arms {
  readonly control: ArmTotals
  readonly treated: ArmTotals
  readonly em_contrast: Contrast
  readonly tokens_contrast: Contrast
}

/** Treated minus control, per treated generation. */
export interface Difference { readonly estimate: number, readonly low: number, readonly high: number }

const NO_TOTALS: ArmTotals = { generations: 0, tokens: 0, labelled: 0, em: 0 }
const NO_CONTRAST: Contrast = { n: 0, weight: 0, sum: 0, square: 0 }
export const NO_ARMS: Arms = { control: NO_TOTALS, treated: NO_TOTALS, em_contrast: NO_CONTRAST, tokens_contrast: NO_CONTRAST }

/** Right and wrong answers, and generations, that each arm must have before an interval is shown: it rests on a limit theorem. */
const ENOUGH_EM = 20
const ENOUGH_TOKENS = 500
/** Compared generations for which the interval is tuned to be tightest. */
const TIGHTEST = 1000

/** The share at which a generation is compared; `null` where its arm contradicts its draw, as it then began under another share. */
export function comparedShare (arm: Arm | null, u: number, share: number): number | null {
  return arm === drawArm(u, share) ? share : null
}

/** Adds the tokens of one generation. @param share the control share at which its arm was drawn */
export function compareTokens (arms: Arms, arm: Arm, share: number, tokens: number): Arms {
  const { control } = arms
  const usual = control.generations === 0 ? tokens : control.tokens / control.generations
  const totals = arms[arm]
  return {
    ...arms,
    [arm]: { ...totals, generations: totals.generations + 1, tokens: totals.tokens + tokens },
    tokens_contrast: addContrast(arms.tokens_contrast, arm, share, tokens - usual),
  }
}

/** Adds the label of a compared generation, which may come later than its tokens. @param em 0 or 1 */
export function compareEm (arms: Arms, arm: Arm, share: number, em: number): Arms {
  const { control } = arms
  const usual = control.labelled === 0 ? 0.5 : control.em / control.labelled
  const totals = arms[arm]
  return {
    ...arms,
    [arm]: { ...totals, labelled: totals.labelled + 1, em: totals.em + em },
    em_contrast: addContrast(arms.em_contrast, arm, share, em - usual),
  }
}

/**
 * Adds z = y for treated and z = -y (1-p)/p for control, where p is the share at which the generation was drawn and y its figure less the
 * mean before it (inverse probability weighting). If the arms do not differ, each z has mean 0 given the past, however share and traffic
 * changed; otherwise the sum of z grows by the difference for each treated generation expected.
 */
function addContrast ({ n, weight, sum, square }: Contrast, arm: Arm, p: number, y: number): Contrast {
  const z = arm === 'treated' ? y : -y * (1 - p) / p
  return { n: n + 1, weight: weight + (1 - p), sum: sum + z, square: square + z * z }
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
