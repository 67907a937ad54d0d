import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/field-schemas.js'
import {
  AcceptedBatchSchema, AcceptedSchema, AnyOutcomesSchema, LabelledSchema, LabelParamsSchema, LabelSchema, OutcomeBatchSchema,
  OutcomeSchema,
} from '../openapi/outcome-schemas.js'
import { validatorFor } from '../openapi/validation.js'
import type { ReportedOutcome } from '../src/core/outcome/outcome.js'
import { acceptLabel, countRefusedLabel } from '../src/service/outcomes/accept-label.js'
import { acceptBatch, acceptOutcome, countRefused } from '../src/service/outcomes/accept-outcomes.js'
import { MANY_ITEMS_BYTES } from '../src/service/http/json.js'
import type { Services } from './services.js'

const tags = ['report']
const config = { role: 'worker', bound: 'handler', isParsedAsIs: true } as const

export const outcomesRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/outcomes', {
    config,
    bodyLimit: MANY_ITEMS_BYTES,
    schema: {
      tags,
      operationId: 'reportOutcome',
      summary: 'Report the outcome of a finished generation',
      description: 'The reply comes once the outcome is stored durably. The call is idempotent by generation_id: after a 503 or a lost reply, send the outcome again.',
      body: OutcomeSchema,
      response: { 202: AcceptedSchema, ...anyError },
    },
    onError: async (_request, _reply, error) => { countRefused(services, error.statusCode) },
  }, async (request, reply) => await reply.code(202).send(await acceptOutcome(services, request.body, request)))

  app.post('/v1/outcomes/batch', {
    config,
    bodyLimit: MANY_ITEMS_BYTES,
    schema: {
      tags,
      operationId: 'reportOutcomes',
      summary: 'Report many outcomes',
      description: 'The reply comes once the valid outcomes are stored durably, and lists the invalid ones under `rejected`.',
      body: OutcomeBatchSchema,
      response: { 202: AcceptedBatchSchema, ...anyError },
    },
    validatorCompiler: validatorFor(AnyOutcomesSchema),
  }, async (request, reply) => await reply.code(202).send(await acceptBatch(services, request.body.outcomes as ReportedOutcome[], request)))
  done()
}

export const labelsRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/outcomes/:generation_id/label', {
    config: { role: 'worker', bound: 'handler', isParsedAsIs: true },
    schema: {
      tags: ['report'],
      operationId: 'reportLabel',
      summary: 'Report the label of an outcome that came without one',
      description: 'A label counts as evidence if it comes within the `follow_up_seconds` of the policy after the first step of the generation. A later label is accepted and has no effect. ' +
        'The call is idempotent: the first label of an outcome stands. After a 503 or a lost reply, send the label again.',
      params: LabelParamsSchema,
      body: LabelSchema,
      response: { 202: LabelledSchema, ...anyError },
    },
    onError: async (_request, _reply, { code }) => { countRefusedLabel(services, code) },
  }, async (request, reply) => {
    const { params: { generation_id: id }, body } = request
    return await reply.code(202).send(await acceptLabel(services, id, body, request))
  })
  done()
}
