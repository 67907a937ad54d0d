import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { AnyStepsSchema, DecisionBatchSchema, DecisionSchema, StepBatchSchema, StepSchema } from '../openapi/decision-schemas.js'
import { anyError } from '../openapi/field-schemas.js'
import { GenerationParamsSchema, GenerationQuerySchema, GenerationSchema, StopsQuerySchema, StopsSchema } from '../openapi/generation-schemas.js'
import { validatorFor } from '../openapi/validation.js'
import { readGeneration } from '../src/service/decision-log/read-generation.js'
import { checkKey } from '../src/service/admin/context-reader.js'
import { readStops } from '../src/service/admin/read-stops.js'
import { answerBatch, answerStep } from '../src/service/decisions/answer-step.js'
import { renderBatch, renderDecision } from '../src/service/decisions/render.js'
import { MANY_ITEMS_BYTES, sendJson } from '../src/service/http/json.js'
import type { Services } from './services.js'

const tags = ['decide']
const config = { role: 'worker', bound: 'handler', isParsedAsIs: true } as const

export const decisionsRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/decisions', {
    config,
    schema: {
      tags,
      operationId: 'decide',
      summary: 'Decide one step',
      description: 'Send the first step of a generation no later than its first check, and echo the `arm` of the reply with all later steps and with the outcome. ' +
        'The service does not wait for its store, and answers `continue` if in doubt. If there is no reply, continue.',
      body: StepSchema,
      response: { 200: DecisionSchema, ...anyError },
    },
    serializerCompiler: () => JSON.stringify, // for errors only
  }, (request, reply) => {
    const decision = answerStep(services, request.body, request)
    request.log.debug({ step: request.body, decision }, 'decided')
    sendJson(reply, renderDecision(decision))
  })

  app.post('/v1/decisions/batch', {
    config,
    bodyLimit: MANY_ITEMS_BYTES,
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

export const generationsRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.get('/v1/generations/:generation_id', {
    config: { role: 'operator', bound: 'handler' },
    schema: {
      operationId: 'getGeneration',
      tags: ['generations'],
      summary: 'Show why a generation was stopped or not',
      description: 'The decision log holds control generations and a share of treated ones (DECISION_LOG_TREATED_SHARE), for DECISION_LOG_SECONDS, if their steps ' +
        'had a generation_id. It has digests of answers, but no prompt, reasoning or answer. Steps that another replica answered within the last second may be missing. ' +
        'A token that is bound to a prefix finds the generations that tokens of its prefix reported.',
      params: GenerationParamsSchema,
      querystring: GenerationQuerySchema,
      response: { 200: GenerationSchema, ...anyError },
    },
  }, (request) => readGeneration(services, request.params.generation_id, request.query.prefix, request))

  app.get('/v1/stops', {
    config: { role: 'operator', bound: 'handler' },
    schema: {
      operationId: 'listStops',
      tags: ['generations'],
      summary: 'List recent stops',
      description: 'Every stop of a generation with an id, newest first, with the outcome that was reported, for STOP_LOG_SECONDS. "em": 0 lists wrong answers. Stops that other ' +
        'replicas saw within the last seconds may be missing. Of a worker that decides by itself, a stop is listed once its outcome has arrived.',
      querystring: StopsQuerySchema,
      response: { 200: StopsSchema, ...anyError },
    },
  }, async (request) => {
    const { prefix } = request.query
    if (prefix !== undefined) checkKey(services.config, prefix, '/prefix')
    return await readStops(services, request.query, request)
  })
  done()
}
