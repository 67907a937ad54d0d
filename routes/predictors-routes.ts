import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from '#typebox'
import { ReasonQuerySchema } from '../openapi/policy-schemas.js'
import { anyError } from '../openapi/field-schemas.js'
import { ImportParamsSchema, PredictorDetailSchema, PredictorListSchema, PredictorParamsSchema, PredictorViewSchema, PredictorRequestSchema } from '../openapi/predictor-schemas.js'
import { MANY_ITEMS_BYTES } from '../src/service/http/json.js'
import type { Services } from './services.js'

const tags = ['predictors']
const config = { role: 'operator' } as const
const params = PredictorParamsSchema

export const predictorsRoutes: FastifyPluginCallbackTypebox<Services> = (app, { predictors }, done) => {
  app.get('/v1/predictors', {
    config,
    schema: {
      tags,
      operationId: 'listPredictors',
      summary: 'List the predictors, trained or imported, with their calibration',
      description: 'Each predictor with the number of contexts that it scores. Retired ones are included.',
      response: { 200: PredictorListSchema, ...anyError },
    },
  }, async () => ({ predictors: await predictors.list() }))

  app.get('/v1/predictors/:name', {
    config,
    schema: {
      tags,
      operationId: 'getPredictor',
      summary: 'Get one predictor with its complete definition',
      description: 'PUT accepts the `definition`, also in another service with the same levels if you leave out `trained.groups`.',
      params,
      response: { 200: PredictorDetailSchema, ...anyError },
    },
  }, (request) => predictors.get(request.params.name))

  app.put('/v1/predictors/:name', {
    config,
    bodyLimit: MANY_ITEMS_BYTES,
    schema: {
      tags,
      operationId: 'importPredictor',
      summary: 'Import a predictor',
      description: 'A policy may then name it as its score. A threshold is in force once evidence after that, from groups that it was not trained on, ' +
        'certifies one. The scores of a predictor never change under its name.',
      params: ImportParamsSchema,
      querystring: ReasonQuerySchema,
      body: PredictorRequestSchema,
      response: { 200: PredictorViewSchema, ...anyError },
    },
  }, (request) => predictors.put(request.params.name, request.body, { by: request.tokenName, ...request.query }))

  app.delete('/v1/predictors/:name', {
    config,
    schema: {
      tags,
      operationId: 'retirePredictor',
      summary: 'Retire a predictor',
      description: 'Where it is the score, nothing is stopped any more, and its evidence is deleted: set the score of these policies to another one first.',
      params,
      querystring: ReasonQuerySchema,
      response: { 204: Type.Null({ description: 'The predictor is retired' }), ...anyError },
    },
  }, async (request, reply) => {
    await predictors.retire(request.params.name, { by: request.tokenName, reason: request.query.reason })
    return await reply.code(204).send(null)
  })
  done()
}
