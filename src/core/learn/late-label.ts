import type { Em } from '../certificate/stops.js'
import type { LabelEntry } from './log-entry.js'
import type { PlacedStep, PrunedOutcome } from '../recording/prune-steps.js'

/**
 * The outcome with the label that came after it; as it was, if the label does not settle whether the full answer was right. Steps are
 * graded by the label's own verdicts, else by the reference, else by whether they agree with the full answer: one that does is as right
 * as that, one that does not counts as wrong.
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
