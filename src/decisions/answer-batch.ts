import { StepSchema } from '../../openapi/decision-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { contextAccessProblem, type Caller } from '../access/context-access.js'
import type { Decision, Step } from '../core/decide/decide.js'
import type { InputError } from '../errors/errors.js'
import type { Problem } from '../errors/problem.js'
import { enrolAndRecord, type DecisionServices } from './answer-step.js'

export interface BatchAnswer {
  readonly model_version: number
  /** One for each step, in the same order. */
  readonly decisions: Array<Decision | { error: Problem }>
}

const stepProblem = itemValidator(StepSchema)

/** Decides many steps, as `answerStep` does each. A step that cannot be decided gets an error in its place. */
export function answerBatch (services: DecisionServices, steps: readonly unknown[], caller: Caller): BatchAnswer {
  const { service, metrics } = services
  const startedAt = performance.now()
  const decisions = steps.map((step) => answerItem(services, step, caller))
  metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
  return { model_version: service.snapshot().version, decisions }
}

function answerItem (services: DecisionServices, item: unknown, caller: Caller): Decision | { error: Problem } {
  const step = item as Step
  const problem = stepProblem(item) ?? contextAccessProblem(caller, services.config.levels, step.context)
  if (problem !== null) return { error: problem }
  try {
    return enrolAndRecord(services, step, services.service.decideStep(step), caller)
  } catch (error) {
    const [detail] = (error as InputError).details ?? []
    if (detail === undefined) throw error
    return { error: detail }
  }
}
