import type { Arm } from '../assignment/arm.js'

/** Sums over the units of one arm. EM and tokens of a group are means over its samples. */
export interface ArmFigures {
  readonly units: number
  /** Units whose EM is known, or counts as right or wrong. */
  readonly graded: number
  readonly em: number
  readonly em_squares: number
  /** Units whose tokens are known. */
  readonly measured: number
  readonly tokens: number
  readonly token_squares: number
}

/** Both arms of the units that were drawn at one control share. */
export interface ArmSums { readonly share: number, readonly control: ArmFigures, readonly treated: ArmFigures }

const NO_FIGURES: ArmFigures = { units: 0, graded: 0, em: 0, em_squares: 0, measured: 0, tokens: 0, token_squares: 0 }

export const NO_ARM_SUMS: readonly ArmSums[] = []

/** What the comparison of the arms needs of a unit. `em` and `tokens` are `null` where they are not known. */
export interface ComparedUnit { readonly arm: Arm, readonly share: number, readonly em: number | null, readonly tokens: number | null }

export function addCompared (sums: readonly ArmSums[], { arm, share, em, tokens }: ComparedUnit): readonly ArmSums[] {
  const known = sums.find((one) => one.share === share)
  const mine = known ?? { share, control: NO_FIGURES, treated: NO_FIGURES }
  const figures = addFigures(mine[arm], {
    units: 1,
    graded: em === null ? 0 : 1,
    em: em ?? 0,
    em_squares: (em ?? 0) ** 2,
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
    graded: a.graded + b.graded,
    em: a.em + b.em,
    em_squares: a.em_squares + b.em_squares,
    measured: a.measured + b.measured,
    tokens: a.tokens + b.tokens,
    token_squares: a.token_squares + b.token_squares,
  }
}
