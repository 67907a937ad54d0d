import { BREACH_SUSPECTED, emDifference, emSuspicion, isBreached, tokensDifference, type ArmTotals, type Arms } from '../certificate/compare-arms.js'

/**
 * Compares control and treated generations while a threshold was in force. EM is a fraction; differences are treated minus control, `null`
 * with little data.
 * @param level chance that an interval ever excludes the true difference
 * @param bound EM drop that is tolerated
 */
export function describeArms (arms: Arms, level: number, bound: number) {
  return {
    control: describeArm(arms.control),
    treated: describeArm(arms.treated),
    em_difference: emDifference(arms, level),
    tokens_difference: tokensDifference(arms, level),
    /** Whether real stops seem to lose, or surely lose, more EM than is tolerated. */
    breach_suspected: emSuspicion(arms, bound) >= BREACH_SUSPECTED,
    breached: isBreached(arms, level, bound),
  }
}

function describeArm ({ generations, tokens, labelled, em }: ArmTotals) {
  return {
    generations,
    labelled,
    em: labelled === 0 ? null : em / labelled,
    tokens_mean: generations === 0 ? null : tokens / generations,
  }
}
