import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/field-schemas.js'
import { HistoryQuerySchema, HistorySchema, SnapshotSchema } from '../openapi/snapshot-schemas.js'
import { changeToWire } from '../openapi/wire.js'
import { allowedPrefix } from '../src/service/access/context-access.js'
import { checkKey } from '../src/service/admin/context-reader.js'
import { historyWithin } from '../src/service/admin/history.js'
import { snapshotStatus } from '../src/service/health/readiness.js'
import type { Services } from './services.js'

const tags = ['snapshot']

export const snapshotRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  const { readHistory, config } = services
  app.get('/v1/snapshot', {
    config: { role: 'operator' },
    schema: {
      tags,
      operationId: 'getSnapshot',
      summary: 'Get the snapshot with which this replica decides',
      description: 'Its version, its age, and the state of the store and the learner, as this replica sees them.',
      response: { 200: SnapshotSchema, ...anyError },
    },
  }, () => snapshotStatus(services))

  app.get('/v1/history', {
    config: { role: 'operator', bound: 'handler' },
    schema: {
      tags,
      operationId: 'getHistory',
      summary: 'List the changes of thresholds and their causes',
      description: 'The newest 10,000 changes, each with its cause and, for commands, the name of the token. Unreadable rows ' +
        'are listed only without a prefix.',
      querystring: HistoryQuerySchema,
      response: { 200: HistorySchema, ...anyError },
    },
  }, async (request) => {
    const { prefix, limit = 100, before } = request.query
    if (prefix !== undefined) checkKey(config, prefix, '/prefix')
    const { changes, next } = await historyWithin(readHistory, allowedPrefix(request, prefix), limit, before)
    return { changes: changes.map(changeToWire), next }
  })

  done()
}
