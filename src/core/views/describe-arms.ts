import { BREACH_SUSPECTED, emDifference, emSuspicion, isBreached, tokensDifference, type ArmTotals, type Arms, type Difference } from '../certificate/compare-arms.js'

/** One arm, as in the reply to `GET /v1/contexts/{key}`; EM is a fraction. */
export interface ArmView {
  readonly generations: number
  readonly labelled: number
  readonly em: number | null
  readonly tokens_mean: number | null
}

/** The comparison of control and treated generations while a threshold was in force. */
export interface ArmsView {
  readonly control: ArmView
  readonly treated: ArmView
  /** Treated minus control; `null` with little data. */
  readonly em_difference: Difference | null
  readonly tokens_difference: Difference | null
  /** Whether real stops seem to lose, or surely lose, more EM than is tolerated. */
  readonly breach_suspected: boolean
  readonly breached: boolean
}

/**
 * Compares the arms.
 * @param level chance that an interval ever excludes the true difference
 * @param bound EM drop that is tolerated
 */
export function describeArms (arms: Arms, level: number, bound: number): ArmsView {
  return {
    control: describeArm(arms.control),
    treated: describeArm(arms.treated),
    em_difference: emDifference(arms, level),
    tokens_difference: tokensDifference(arms, level),
    breach_suspected: emSuspicion(arms, bound) >= BREACH_SUSPECTED,
    breached: isBreached(arms, level, bound),
  }
}

function describeArm ({ generations, tokens, labelled, em }: ArmTotals): ArmView {
  return {
    generations,
    labelled,
    em: labelled === 0 ? null : em / labelled,
    tokens_mean: generations === 0 ? null : tokens / generations,
  }
}
