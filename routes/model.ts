import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/error.js'
import { HistoryQuerySchema, HistorySchema, ModelSchema } from '../openapi/model.js'
import type { Parts } from '../src/parts.js'

const tags = ['model']

export const model: FastifyPluginCallbackTypebox<Parts> = (app, { service, store, learner }, done) => {
  app.get('/v1/model', {
    config: { role: 'operator' },
    schema: { tags, summary: 'The live model of this replica', response: { 200: ModelSchema, ...anyError } },
  }, () => {
    const { snapshot, standpoints } = service.model()
    return {
      version: snapshot.version,
      state_id: snapshot.stateId,
      levels: [...snapshot.levels],
      contexts: standpoints.size,
      thresholds_in_force: [...standpoints.values()].filter(({ standing }) => standing.index !== -1).length,
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
    const changes = await store.history(request.query.limit ?? 100)
    return { changes: changes.map((change) => ({ ...change, time: new Date(change.time).toISOString() })) }
  })
  done()
}
