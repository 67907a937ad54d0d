import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/error-schemas.js'
import { GenerationParamsSchema, GenerationQuerySchema, GenerationSchema } from '../openapi/generation-schemas.js'
import { readGeneration } from '../src/decision-log/read-generation.js'
import type { Services } from './services.js'

export const generations: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.get('/v1/generations/:generation_id', {
    config: { role: 'operator', bound: 'handler' },
    schema: {
      operationId: 'getGeneration',
      tags: ['generations'],
      summary: 'Show why a generation was stopped or not',
      description: 'The decision log holds control generations and a share of treated ones (DECISION_LOG_TREATED_SHARE), for DECISION_LOG_SECONDS, if their steps ' +
        'had a generation_id. It has digests of answers, and no prompt, thought or answer. Steps that another replica answered within the last second may be missing. ' +
        'A token that is bound to a prefix finds the generations that tokens of its prefix reported.',
      params: GenerationParamsSchema,
      querystring: GenerationQuerySchema,
      response: { 200: GenerationSchema, ...anyError },
    },
  }, (request) => readGeneration(services, request.params.generation_id, request.query.prefix, request))
  done()
}
