import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { ReasonQuerySchema } from '../openapi/context-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import {
  HistoryQuerySchema, HistorySchema, ModelSchema, RollbackEndSchema, RollbackQuerySchema, RollbackReplySchema, RollbackSchema,
} from '../openapi/model-schemas.js'
import type { Services } from './services.js'

const tags = ['model']

export const model: FastifyPluginCallbackTypebox<Services> = (app, { service, store, learner, readHistory, rollback }, done) => {
  app.get('/v1/model', {
    config: { role: 'operator' },
    schema: { tags, summary: 'The live model of this replica', response: { 200: ModelSchema, ...anyError } },
  }, () => {
    const { snapshot, links } = service.model()
    return {
      version: snapshot.version,
      state_id: snapshot.stateId,
      levels: [...snapshot.levels],
      contexts: links.size,
      thresholds_in_force: [...links.values()].filter(({ index }) => index !== -1).length,
      age_seconds: service.ageSeconds(),
      stale: service.freshness() !== 'fresh',
      store: { kind: store.kind, up: store.isUp() },
      learner: { leader: learner.isLeader(), log_lag: service.lag() },
    }
  })

  app.get('/v1/model/history', {
    config: { role: 'operator' },
    schema: { tags, summary: 'How thresholds moved, and why', querystring: HistoryQuerySchema, response: { 200: HistorySchema, ...anyError } },
  }, async (request) => {
    const changes = await readHistory(request.query.limit ?? 100)
    return { changes: changes.map((change) => ({ ...change, time: new Date(change.time).toISOString() })) }
  })

  app.post('/v1/model/rollback', {
    config: { role: 'operator' },
    schema: {
      tags: ['operate'],
      summary: 'Pin every context to the threshold that was in force for it at a version',
      description: 'In force on every replica at once. Own thresholds and pins as they were then, chained under the policies of now: modes and ' +
        'policies do not go back. A context that did not exist then is pinned to what an unknown one had, mostly null: never stop. Pins that ' +
        'operators set are replaced. Learning goes on underneath; DELETE is the way back.',
      querystring: RollbackQuerySchema,
      body: RollbackSchema,
      response: { 200: RollbackReplySchema, ...anyError },
    },
  }, (request) => rollback.to({ ...request.body, ...request.query, by: request.tokenName }))

  app.delete('/v1/model/rollback', {
    config: { role: 'operator' },
    schema: {
      tags: ['operate'],
      summary: 'Remove the pins that rollbacks have set',
      description: 'Other pins stay, and what was learned meanwhile is in force. A pin that a rollback replaced does not come back; GET /v1/audit has it.',
      querystring: ReasonQuerySchema,
      response: { 200: RollbackEndSchema, ...anyError },
    },
  }, (request) => rollback.end({ by: request.tokenName, reason: request.query.reason }))
  done()
}
