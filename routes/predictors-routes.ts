import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ReasonQuerySchema } from '../openapi/context-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { PredictorDetailSchema, PredictorListSchema, PredictorParamsSchema, PredictorViewSchema, PredictorRequestSchema } from '../openapi/predictor-schemas.js'
import type { Services } from './services.js'

const tags = ['predictors']
const config = { role: 'operator' } as const
const params = PredictorParamsSchema

export const predictors: FastifyPluginCallbackTypebox<Services> = (app, { predictors }, done) => {
  app.get('/v1/model/predictors', {
    config, schema: { tags, summary: 'All predictors, trained here or imported, with their calibration', response: { 200: PredictorListSchema, ...anyError } },
  }, async () => ({ predictors: await predictors.list() }))

  app.get('/v1/model/predictors/:name', {
    config, schema: { tags, summary: 'One predictor, with all that it computes with', params, response: { 200: PredictorDetailSchema, ...anyError } },
  }, (request) => predictors.get(request.params.name))

  app.put('/v1/model/predictors/:name', {
    config,
    schema: {
      tags,
      summary: 'Import a predictor',
      description: 'A challenger from now on in every context whose policy says predictor "auto" and has its label; it serves where its own ' +
        'evidence, of outcomes from now on, certifies a threshold that saves more. Its scores never change under its name.',
      params,
      querystring: ReasonQuerySchema,
      body: PredictorRequestSchema,
      response: { 200: PredictorViewSchema, ...anyError },
    },
  }, (request) => predictors.put(request.params.name, request.body, { by: request.tokenName, ...request.query }))

  app.delete('/v1/model/predictors/:name', {
    config,
    schema: {
      tags,
      summary: 'Retire a predictor',
      description: 'It serves no longer, at once and everywhere, and its evidence is dropped; contexts go on with the raw confidence.',
      params,
      querystring: ReasonQuerySchema,
      response: { 204: Type.Null({ description: 'Done' }), ...anyError },
    },
  }, async (request, reply) => {
    await predictors.retire(request.params.name, { by: request.tokenName, reason: request.query.reason })
    return await reply.code(204).send(null)
  })
  done()
}
