import { EIGHTHS } from '../certificate/certificate.js'
import type { EvidenceUnit } from '../certificate/evidence.js'
import type { Em } from '../certificate/trace.js'
import { type ContextState, copyState } from '../contexts/context-state.js'
import { countForName } from '../contexts/counts-by-name.js'
import { addGrades } from '../contexts/grader.js'
import { addLabelled } from '../contexts/label-losses.js'
import { digestsAgree } from '../outcome/exact-match.js'
import { isEvidence } from '../enrolment/enrolled-unit.js'
import { observeStop } from '../outcome/observed-stop.js'
import type { StoppedProbe } from '../outcome/outcome.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import type { PendingOutcome, PlacedStep, PrunedOutcome } from './pending-outcomes.js'
import { type Fold, policyOf } from './fold.js'
import { followUp, withCounts } from './follow-up.js'
import { cohortRules } from './take-evidence.js'
import type { LabelEntry } from './log-entry.js'
import { applySample, applyTrace, unitOfOutcome } from './units-of-outcome.js'

/** Gives an outcome the label that it awaits. */
export function applyLabel (fold: Fold, time: number, label: LabelEntry): void {
  const { generation_id: id } = label
  const pending = fold.pending.get(id)
  if (pending === undefined) return // its follow-up was over, or it needed none
  const outcome = withLateLabel(pending.outcome, label)
  if (outcome === pending.outcome) return // the label settles nothing: a better one may arrive
  const { key, leaf } = pending
  const stored = fold.get(key)
  const state = stored && followUp(fold, key, stored, time) // what is due comes first
  const cohort = fold.cohorts.get(key)
  if (state === undefined || cohort === undefined) return fold.pending.remove(id)
  if (fold.pending.get(id) === undefined) return // its time was up
  if (cohort.stops.has(id)) {
    cohort.settleStop(id, label.stopped_probe_difference ?? observeStop(outcome, 'exact_match', false)?.difference ?? 1)
  }
  const member = cohort.members.get(outcome.u)
  if (member === undefined || !member.waiting.includes(id)) {
    if (cohort.isEarly(id)) fold.pending.set({ ...pending, outcome }) // its entry has not come yet
    else fold.pending.remove(id)
    followUp(fold, key, state, time)
    return
  }
  const policy = policyOf(fold.ledger, key)
  const { unit } = unitOfOutcome(outcome, leaf, policy, state, fold.predictors)
  cohort.label(member, { generation_id: id, unit }, fold.cohorts.clock, cohortRules(fold, state, policy))
  fold.pending.remove(id)
  const labelling = { state, policy, time, source: label.source, unit }
  followUp(fold, key, isEvidence(member) ? takeLabelled(fold, { outcome, leaf, key }, labelling) : state, time)
}

interface Labelling {
  readonly state: ContextState
  readonly policy: Policy
  readonly time: number
  readonly source: string | undefined
  /** What it shows; `null`: it is no evidence for its score. */
  readonly unit: EvidenceUnit | null
}

/** Keeps what a control outcome shows now that its label is known, and counts the label. @returns the state as stored */
function takeLabelled (fold: Fold, { outcome, leaf, key }: PendingOutcome, { state, policy, time, source, unit }: Labelling): ContextState {
  applySample(fold, outcome, leaf, policy)
  applyTrace(fold, outcome, key, state, policy)
  const counted = copyState(withCounts(state, { labels_given: 1 }), {
    grader: addGrades(state.grader, outcome),
    label_sources: countForName(state.label_sources, source),
    label_losses: unit === null || state.meaning.score !== CONFIDENCE ? state.label_losses : addLabelled(state.label_losses, unit),
  })
  fold.set(key, counted)
  return counted
}

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
