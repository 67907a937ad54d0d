import { StepSchema } from '../../../openapi/decision-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import {
  clampConfidence, type Decision, type DecisionWarning, enrolDraw, type Enrolment, type EnrolmentSink, type Guarantee, type Snapshot,
  type Step, type StepDecision,
} from '../../core/decide/index.js'
import type { InputError, Problem } from '../../errors/errors.js'
import { type Caller, contextAccessProblem, forbidden, scopedId } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { DecisionLog } from '../decision-log/decision-log.js'
import type { StopLog } from '../decision-log/stop-log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import type { Enroller } from './enroller.js'
import { type RuleReply, ruleReply } from './rule-reply.js'

/** The services that answering a step needs. */
interface DecisionServices {
  readonly config: Pick<Config, 'levels'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'decideStep' | 'snapshot'>
  readonly enroller: Pick<Enroller, 'within'>
  readonly decisionLog: Pick<DecisionLog, 'takes' | 'isTreatedTaken' | 'decided'>
  readonly stopLog: Pick<StopLog, 'isTaken' | 'decided'>
  readonly metrics: Pick<Metrics, 'decided' | 'decisionSeconds'>
}

/** A decision as it is replied. The reply to a first step, one without an arm, has the guarantee and the rule of its context. */
export interface AnsweredDecision extends Decision {
  readonly guarantee?: Guarantee | null
  readonly rule?: RuleReply
}

/**
 * Decides one step, and counts and logs the decision.
 * @throws ForbiddenError where the caller may not use the context; UnknownLevelError
 */
export function answerStep (services: DecisionServices, step: Step, caller: Caller): AnsweredDecision {
  const { config, snapshotHolder, metrics } = services
  const problem = contextAccessProblem(caller, config.levels, step.context)
  if (problem !== null) throw forbidden(problem)
  const startedAt = performance.now()
  const decided = snapshotHolder.decideStep(step)
  metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
  return enrolAndLog(services, step, decided, caller)
}

/**
 * Enrols the generation of a first step, and counts and logs the decision.
 * @returns the decision, with warnings that the step lacks something, or came too late
 */
function enrolAndLog (services: DecisionServices, step: Step, decided: StepDecision, caller: Caller): AnsweredDecision {
  const { snapshotHolder, enroller, metrics } = services
  const { decision } = decided
  metrics.decided(decision.reason)
  const snapshot = snapshotHolder.snapshot()
  const enrolment = enrolStep(enroller.within(caller.tokenPrefix), snapshot, step, decided)
  logStep(services, step, decision, { isEnrolled: enrolment === 'enrolled', caller })
  if (step.arm !== undefined && step.context !== undefined) return decision
  const warnings = warningsOf(step, services)
  if (enrolment === 'late') warnings.push('first_step_late')
  return {
    ...decision,
    warnings: warnings.length === 0 ? decision.warnings : [...warnings, ...decision.warnings],
    ...(step.arm === undefined && { guarantee: decided.rule.guarantee, rule: ruleReply(decided.rule) }),
  }
}

function warningsOf (step: Step, { config }: DecisionServices): DecisionWarning[] {
  const { arm, retry_of: retried, generation_id: id, group_id: group, context } = step
  const warnings: DecisionWarning[] = []
  if (arm === undefined && retried === undefined && id === undefined && group === undefined) warnings.push('id_missing')
  if (context === undefined && config.levels.length > 0) warnings.push('context_missing')
  return warnings
}

/** The fields of a first step by which its generation is enrolled. */
type EnrolledStep = Pick<Step, 'tokens' | 'context' | 'group_id' | 'generation_id' | 'sample'>

/** Enrols the generation of a step that drew its arm. A step with an arm, without an id, or before the salt is known drew none. */
export function enrolStep (
  sink: EnrolmentSink, snapshot: Snapshot, step: EnrolledStep, { rule, u }: Pick<StepDecision, 'rule' | 'u'>): Enrolment {
  const { tokens, context, sample } = step
  const id = step.group_id ?? step.generation_id
  if (u === null || id === undefined) return 'none'
  return enrolDraw(sink, snapshot, rule, { u, id, tokens, context, sample })
}

interface Logging { readonly isEnrolled: boolean, readonly caller: Caller }

/** Logs a decision, if its generation has an id and is taken, and each stop. */
export function logStep (
  { decisionLog, stopLog }: Pick<DecisionServices, 'decisionLog' | 'stopLog'>, step: Step, decision: Decision, { isEnrolled, caller }: Logging
): void {
  const { generation_id: id, context, tokens, confidence } = step
  const { arm, context: source, score, scorer, threshold, reason, snapshot_version: version } = decision
  if (id === undefined) return
  const isTaken = decisionLog.takes(id, arm)
  const isStop = decision.decision === 'stop' && stopLog.isTaken
  if (!isTaken && !isStop) return
  const taken = { // a plain literal, since spreading takes ten times as long
    id: scopedId(caller, id),
    context,
    source,
    arm,
    tokens,
    confidence: clampConfidence(confidence),
    score,
    scorer,
    threshold,
    reason,
    version,
    isEnrolled,
  }
  if (isTaken) decisionLog.decided(taken)
  if (isStop) stopLog.decided(taken)
}

export interface BatchAnswer {
  readonly snapshot_version: number
  /** One for each step, in the same order. */
  readonly decisions: Array<AnsweredDecision | { error: Problem }>
}

const stepProblem = itemValidator(StepSchema)

/** Decides many steps, as `answerStep` does each. A step that cannot be decided gets an error in its place. */
export function answerBatch (services: DecisionServices, steps: readonly unknown[], caller: Caller): BatchAnswer {
  const { snapshotHolder, metrics } = services
  const startedAt = performance.now()
  const decisions = steps.map((step) => answerItem(services, step, caller))
  metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
  return { snapshot_version: snapshotHolder.snapshot().version, decisions }
}

function answerItem (services: DecisionServices, item: unknown, caller: Caller): AnsweredDecision | { error: Problem } {
  const step = item as Step
  const problem = stepProblem(item) ?? contextAccessProblem(caller, services.config.levels, step.context)
  if (problem !== null) return { error: problem }
  try {
    return enrolAndLog(services, step, services.snapshotHolder.decideStep(step), caller)
  } catch (error) {
    const [detail] = (error as InputError).details ?? []
    if (detail === undefined) throw error
    return { error: detail }
  }
}
