import type { Em } from '../certificate/stops.js'
import type { LabelEntry } from './log-entry.js'
import type { PlacedStep, PrunedOutcome } from '../recording/prune-steps.js'

/**
 * Adds a late label to its outcome; returns the outcome unchanged if the label does not settle whether the full answer was right. Steps are
 * graded by the verdicts in the label, else by its reference. Otherwise a step that agrees with the full answer is as right as that answer,
 * and any other step counts as wrong.
 */
export function withLateLabel (outcome: PrunedOutcome, label: LabelEntry): PrunedOutcome {
  const answer = label.answer ?? outcome.answer_digest
  const isRight = (digest: string | undefined): Em | undefined =>
    label.references === undefined || digest === undefined ? undefined : label.references.includes(digest) ? 1 : 0
  const em = label.em ?? isRight(answer)
  if (em === undefined) return outcome

  const asked = outcome.asked ?? outcome.steps?.length
  const verdicts = label.steps?.length === asked ? label.steps : undefined // a list of other steps would be read amiss
  const emOf = (step: PlacedStep, index: number): Em | undefined => {
    const { answer_digest: probed } = step
    const agrees = step.agreement ?? (probed === undefined || answer === undefined ? undefined : Number(probed === answer))
    const verdict = verdicts?.[step.place ?? index]
    return step.exact_match ?? verdict ?? isRight(probed) ?? (agrees === undefined ? undefined : agrees === 1 ? em : 0)
  }
  const steps = outcome.steps?.map((step, index) => {
    const exact_match = emOf(step, index)
    return exact_match === undefined ? step : { ...step, exact_match }
  }) ?? null
  return { ...outcome, full: { ...outcome.full, exact_match: em }, steps }
}
