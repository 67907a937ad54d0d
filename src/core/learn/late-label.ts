import { observeStop, type ServedDifference } from '../outcome/observed-stop.js'
import type { PlacedStep, PrunedOutcome } from './pending-outcomes.js'
import type { LabelEntry } from './log-entry.js'
import type { Em } from '../decide/step.js'
import { digestsAgree } from '../outcome/exact-match.js'
import { EIGHTHS } from '../stats/certificate.js'
import type { StoppedProbe } from '../outcome/outcome.js'

/**
 * Adds a late label to its outcome and to the probe of its stop; returns the outcome unchanged if the label settles neither whether the
 * full answer was right nor how others compare with it. Steps are graded by the verdicts in the label, or by its reference. Without
 * either, a step that agrees with the full answer is as right as it, and any other step counts as wrong.
 */
export function withLateLabel (outcome: PrunedOutcome, label: LabelEntry): PrunedOutcome {
  const answer = label.answer ?? outcome.answer_digest
  const isRight = (digest: string | undefined): Em | undefined =>
    label.references === undefined || digest === undefined ? undefined : label.references.includes(digest) ? 1 : 0
  const em = label.em ?? isRight(answer)
  const asked = outcome.asked ?? outcome.steps?.length
  const ofSteps = <T>(list: readonly T[] | undefined) => list?.length === asked ? list : undefined // another length is about other steps
  const verdicts = ofSteps(label.steps)
  const differences = ofSteps(label.differences)
  const served = outcome.stopped ? label.stopped_probe_difference : undefined
  if (em === undefined && differences === undefined && served === undefined) return outcome

  const agreementOf = ({ agreement, answer_digest: probed }: PlacedStep): number | undefined =>
    agreement ?? (probed === undefined || answer === undefined ? undefined : Number(digestsAgree(probed, answer)))
  const emOf = (step: PlacedStep, index: number): Em | undefined => {
    const agrees = agreementOf(step)
    const verdict = verdicts?.[step.place ?? index]
    const byAgreement = em === undefined || agrees === undefined ? undefined : agrees === 1 ? em : 0
    return step.exact_match ?? verdict ?? isRight(step.answer_digest) ?? byAgreement
  }
  const differenceOf = (step: PlacedStep, index: number): number | undefined => {
    const eighths = differences?.[step.place ?? index]
    if (eighths != null) return eighths / EIGHTHS
    return differences !== undefined && em === undefined && agreementOf(step) === 1 ? 0 : undefined
  }
  const steps = outcome.steps?.map((step, index) => {
    const exact_match = emOf(step, index)
    const difference = differenceOf(step, index)
    return { ...step, ...(exact_match !== undefined && { exact_match }), ...(difference !== undefined && { difference }) }
  }) ?? null
  const graded = { ...outcome, full: em === undefined ? outcome.full : { ...outcome.full, exact_match: em }, steps }
  const { stopped_probe: probe } = outcome
  if (probe === undefined || em === undefined) return graded
  return { ...graded, stopped_probe: gradeProbe(probe, label.stopped_probe_em ?? isRight(probe.answer_digest), em) }
}

/** @param verdict of the label, if it has one. @param em of the answer that was served */
function gradeProbe (probe: StoppedProbe, verdict: Em | undefined, em: Em): StoppedProbe {
  const exact_match = probe.exact_match ?? verdict ?? (probe.agreement === 1 ? em : undefined)
  return exact_match === undefined ? probe : { ...probe, exact_match }
}

/** EM of the probed answer of a stop less EM of the served one, now that its label is known; a loss where that does not say. */
export function differenceOfStop (outcome: PrunedOutcome, { stopped_probe_difference: stated }: LabelEntry): ServedDifference {
  return stated ?? observeStop(outcome, 'exact_match', false)?.difference ?? 1
}
