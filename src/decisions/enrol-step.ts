import type { Step, StepDecision } from '../core/decide/decide.js'
import { enrolDraw, type Enrolment, type EnrolmentSink } from '../core/decide/enrol-draw.js'
import type { Snapshot } from '../core/decide/snapshot.js'

/** The fields of a first step by which its generation is enrolled. */
export type EnrolledStep = Pick<Step, 'tokens' | 'context' | 'group_id' | 'generation_id' | 'sample'>

/** Enrols the generation of a step that drew its arm. A step with an arm, without an id, or before the salt is known drew none. */
export function enrolStep (
  sink: EnrolmentSink, snapshot: Snapshot, step: EnrolledStep, { rule, u }: Pick<StepDecision, 'rule' | 'u'>): Enrolment {
  const { tokens, context, sample } = step
  const id = step.group_id ?? step.generation_id
  if (u === null || id === undefined) return 'none'
  return enrolDraw(sink, snapshot, rule, { u, id, tokens, context, sample })
}
