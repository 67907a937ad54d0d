import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { AnyStepsSchema, DecisionBatchSchema, DecisionSchema, StepBatchSchema, StepSchema } from '../openapi/decision-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { itemValidator, validatorCompiler } from '../openapi/validation.js'
import type { Decision, Step } from '../src/core/decide/decide.js'
import type { InputError } from '../src/errors/errors.js'
import type { Services } from './services.js'
import { contextAccessProblem, forbidden, type Caller } from '../src/access/context-access.js'
import { renderDecision } from '../src/decisions/render-decision.js'
import type { Problem } from '../src/errors/problem.js'

const tags = ['decide']
const access = { role: 'worker', bound: 'handler', isParsedAsIs: true } as const
const stepProblem = itemValidator(StepSchema)

interface Batch { readonly model_version: number, readonly decisions: ReadonlyArray<Decision | { error: Problem }> }

const renderBatch = ({ model_version, decisions }: Batch): string =>
  `{"model_version":${model_version},"decisions":[${decisions.map((one) => 'error' in one ? JSON.stringify(one) : renderDecision(one)).join()}]}`

export const decisions: FastifyPluginCallbackTypebox<Services> = (app, { config, service, recorder, metrics }, done) => {
  app.post('/v1/decisions', {
    config: access,
    schema: { tags, summary: 'One step, one decision', body: StepSchema, response: { 200: DecisionSchema, ...anyError } },
    serializerCompiler: ({ httpStatus }) => httpStatus === '200' ? renderDecision : JSON.stringify,
  }, (request, reply) => {
    const problem = contextAccessProblem(request, config.levels, request.body.context)
    if (problem !== null) throw forbidden(problem)
    const startedAt = performance.now()
    const decision = service.decide(request.body)
    metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
    recorder.take(request.body, decision, request)
    metrics.decided(decision.reason)
    request.log.debug({ step: request.body, decision }, 'decided')
    reply.send(decision)
  })

  app.post('/v1/decisions/batch', {
    config: access,
    schema: { tags, summary: 'Many steps, a decision each, in the same order', body: StepBatchSchema, response: { 200: DecisionBatchSchema, ...anyError } },
    validatorCompiler: ({ httpPart }) => validatorCompiler({ schema: AnyStepsSchema, ...(httpPart && { httpPart }) }),
    serializerCompiler: ({ httpStatus }) => httpStatus === '200' ? renderBatch : JSON.stringify,
  }, (request, reply) => {
    const startedAt = performance.now()
    const answers = (request.body.steps as unknown[]).map((step) => answer(step, request))
    metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
    request.log.debug({ steps: request.body.steps, decisions: answers }, 'decided')
    reply.send({ model_version: service.snapshot().version, decisions: answers })
  })

  function answer (step: unknown, caller: Caller): Decision | { error: Problem } {
    const problem = stepProblem(step) ?? contextAccessProblem(caller, config.levels, (step as Step).context)
    if (problem !== null) return { error: problem }
    try {
      const decision = service.decide(step as Step)
      recorder.take(step as Step, decision, caller)
      metrics.decided(decision.reason)
      return decision
    } catch (error) {
      const [detail] = (error as InputError).details ?? []
      if (detail === undefined) throw error
      return { error: detail }
    }
  }
  done()
}
