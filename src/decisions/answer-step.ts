import { contextAccessProblem, forbidden, type Caller } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { Decision, Step } from '../core/decide/decide.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Recorder } from '../outcomes/recorder.js'
import { enrolStep } from './enrol-step.js'
import type { Enroller } from './enroller.js'
import type { Service } from '../replica/service.js'

/** What answering steps needs. */
export interface DecisionServices {
  readonly config: Pick<Config, 'levels'>
  readonly service: Pick<Service, 'decide' | 'decideColumns' | 'snapshot' | 'freshness'>
  readonly recorder: Pick<Recorder, 'recordStep' | 'recordDecided'>
  readonly enroller: Pick<Enroller, 'enrol'>
  readonly metrics: Pick<Metrics, 'decided' | 'decisionSeconds'>
}

/**
 * Decides one step, counts the decision, and records the step if its generation is control.
 * @throws ForbiddenError where the caller may not use the context; UnknownLevelError
 */
export function answerStep (services: DecisionServices, step: Step, caller: Caller): Decision {
  const { config, service, metrics } = services
  const problem = contextAccessProblem(caller, config.levels, step.context)
  if (problem !== null) throw forbidden(problem)
  const startedAt = performance.now()
  const decision = service.decide(step)
  metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
  return enrolAndRecord(services, step, decision, caller)
}

/**
 * Enrols the generation of a first step, records a control step, and counts the decision.
 * @returns the decision, with a warning where the step came too late
 */
export function enrolAndRecord (services: DecisionServices, step: Step, decision: Decision, caller: Caller): Decision {
  const { service, recorder, enroller, metrics } = services
  recorder.recordDecided(step, decision, caller)
  metrics.decided(decision.reason)
  const isLate = step.arm === undefined && enrolStep(enroller, service.snapshot(), step)
  return isLate ? { ...decision, warnings: ['first_step_late', ...decision.warnings] } : decision
}
