import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { KeyParamsSchema, WantedLabelsQuerySchema, WantedLabelsSchema } from '../openapi/context-schemas.js'
import { anyError } from '../openapi/field-schemas.js'
import {
  AcceptedBatchSchema, AcceptedSchema, AnyOutcomesSchema, LabelledSchema, LabelParamsSchema, LabelSchema, OutcomeBatchSchema,
  OutcomeSchema,
} from '../openapi/outcome-schemas.js'
import { validatorFor } from '../openapi/validation.js'
import type { ReportedOutcome } from '../src/core/outcome/index.js'
import { createWantedLabels } from '../src/service/admin/wanted-labels.js'
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
    onError: async (request, _reply, { statusCode }) => { countRefused(services, request.body, request, statusCode) },
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
  const wanted = createWantedLabels(services)
  app.addHook('preClose', (done) => {
    wanted.close()
    done()
  })

  app.get('/v1/contexts/:key/wanted-labels', {
    config: { role: 'worker', bound: 'key' },
    schema: {
      tags: ['contexts'],
      operationId: 'listWantedLabels',
      summary: 'List the generations whose outcome awaits a label',
      description: 'Lists only enrolled control generations whose label can still change how they count, in the order of enrolment: ' +
        'the follow-up of the first ends first. For a context that belongs to a pool, the list is that of the pool. A token that is bound to a prefix sees the ' +
        'generations that tokens of its prefix reported; other tokens see those that tokens without a prefix reported. With `answers`, the reply holds the texts to be graded, which ' +
        'are kept until the label comes, and for a day at most.',
      params: KeyParamsSchema,
      querystring: WantedLabelsQuerySchema,
      response: { 200: WantedLabelsSchema, ...anyError },
    },
  }, (request) => {
    const gone = new AbortController()
    request.raw.once('close', () => { if (request.raw.destroyed) gone.abort() })
    request.isLongPoll = (request.query.wait_seconds ?? 0) > 0
    return wanted.page(request.params.key, { limit: 100, ...request.query }, request, gone.signal)
  })

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
