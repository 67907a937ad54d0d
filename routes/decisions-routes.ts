import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { AnyStepsSchema, DecisionBatchSchema, DecisionSchema, StepBatchSchema, StepSchema } from '../openapi/decision-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { validatorFor } from '../openapi/validation.js'
import { answerBatch } from '../src/decisions/answer-batch.js'
import { answerStep } from '../src/decisions/answer-step.js'
import { renderBatch, renderDecision } from '../src/decisions/render-decision.js'
import { sendJson } from '../src/http/send-json.js'
import type { Services } from './services.js'

const tags = ['decide']
const config = { role: 'worker', bound: 'handler', isParsedAsIs: true } as const

export const decisions: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/decisions', {
    config,
    schema: {
      tags,
      operationId: 'decide',
      summary: 'Decide one step',
      description: 'Send the first step of a generation before its first check, and echo the `arm` of the reply with all later steps and with the outcome. ' +
        'The service does not wait for its store, and answers `continue` where it is in doubt. If a reply does not come, continue.',
      body: StepSchema,
      response: { 200: DecisionSchema, ...anyError },
    },
    serializerCompiler: () => JSON.stringify, // of errors
  }, (request, reply) => {
    const decision = answerStep(services, request.body, request)
    request.log.debug({ step: request.body, decision }, 'decided')
    sendJson(reply, renderDecision(decision))
  })

  app.post('/v1/decisions/batch', {
    config,
    schema: {
      tags,
      operationId: 'decideBatch',
      summary: 'Decide many steps',
      description: 'The reply has one decision for each step, in the same order. An invalid step gets an error in its place; the others are decided.',
      body: StepBatchSchema,
      response: { 200: DecisionBatchSchema, ...anyError },
    },
    validatorCompiler: validatorFor(AnyStepsSchema),
    serializerCompiler: () => JSON.stringify,
  }, (request, reply) => {
    const answer = answerBatch(services, request.body.steps as unknown[], request)
    request.log.debug({ steps: request.body.steps, decisions: answer.decisions }, 'decided')
    sendJson(reply, renderBatch(answer))
  })
  done()
}
