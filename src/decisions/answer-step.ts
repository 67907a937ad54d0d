import { contextAccessProblem, forbidden, type Caller } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { Decision, DecisionWarning, Step, StepDecision } from '../core/decide/decide.js'
import type { DecisionLog } from '../decision-log/decision-log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Recorder } from '../outcomes/recorder.js'
import { enrolStep } from './enrol-step.js'
import type { Enroller } from './enroller.js'
import { logStep } from './log-step.js'
import type { Service } from '../replica/service.js'

/** What answering steps needs. */
export interface DecisionServices {
  readonly config: Pick<Config, 'levels'>
  readonly service: Pick<Service, 'decideStep' | 'decideColumns' | 'snapshot' | 'freshness'>
  readonly recorder: Pick<Recorder, 'recordStep' | 'recordDecided'>
  readonly enroller: Pick<Enroller, 'enrol'>
  readonly decisionLog: Pick<DecisionLog, 'takes' | 'isTreatedTaken' | 'decided'>
  readonly metrics: Pick<Metrics, 'decided' | 'decisionSeconds'>
}

/**
 * Decides one step, counts and logs the decision, and records the step if its generation is control.
 * @throws ForbiddenError where the caller may not use the context; UnknownLevelError
 */
export function answerStep (services: DecisionServices, step: Step, caller: Caller): Decision {
  const { config, service, metrics } = services
  const problem = contextAccessProblem(caller, config.levels, step.context)
  if (problem !== null) throw forbidden(problem)
  const startedAt = performance.now()
  const decided = service.decideStep(step)
  metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
  return enrolAndRecord(services, step, decided, caller)
}

/**
 * Enrols the generation of a first step, records a control step, and counts and logs the decision.
 * @returns the decision, with warnings of what the step lacks, or that it came too late
 */
export function enrolAndRecord (services: DecisionServices, step: Step, decided: StepDecision, caller: Caller): Decision {
  const { service, recorder, enroller, decisionLog, metrics } = services
  const { decision } = decided
  recorder.recordDecided(step, decided, caller)
  metrics.decided(decision.reason)
  const enrolment = enrolStep(enroller, service.snapshot(), step, decided)
  logStep(decisionLog, step, decision, { isEnrolled: enrolment === 'enrolled', caller })
  if (step.arm !== undefined && step.context !== undefined) return decision
  const warnings = warningsOf(step, services)
  if (enrolment === 'late') warnings.push('first_step_late')
  return warnings.length === 0 ? decision : { ...decision, warnings: [...warnings, ...decision.warnings] }
}

function warningsOf ({ arm, generation_id: id, group_id: group, context }: Step, { config }: DecisionServices): DecisionWarning[] {
  const warnings: DecisionWarning[] = []
  if (arm === undefined && id === undefined && group === undefined) warnings.push('id_missing')
  if (context === undefined && config.levels.length > 0) warnings.push('context_missing')
  return warnings
}
