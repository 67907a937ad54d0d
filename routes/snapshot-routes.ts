import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/field-schemas.js'
import { DryRunQuerySchema, ReasonQuerySchema } from '../openapi/policy-schemas.js'
import {
  HistoryQuerySchema, HistorySchema, SnapshotSchema, RollbackEndSchema, RollbackReplySchema, RollbackSchema,
} from '../openapi/snapshot-schemas.js'
import { withIsoTime } from '../openapi/wire.js'
import { allowedPrefix } from '../src/service/access/context-access.js'
import { historyWithin } from '../src/service/admin/history.js'
import { snapshotStatus } from '../src/service/health/readiness.js'
import type { Services } from './services.js'

const tags = ['snapshot']

export const snapshotRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  const { readHistory, rollback } = services
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
      description: 'The newest 10,000 changes, each with its cause and, for commands, the name of the token. A rollback names a `version` of this list. Unreadable rows ' +
        'are listed only without a prefix.',
      querystring: HistoryQuerySchema,
      response: { 200: HistorySchema, ...anyError },
    },
  }, async (request) => {
    const { prefix, limit = 100, before } = request.query
    const { changes, next } = await historyWithin(readHistory, allowedPrefix(request, prefix), limit, before)
    return { changes: changes.map(withIsoTime), next }
  })

  app.post('/v1/rollback', {
    config: { role: 'operator' },
    schema: {
      tags: ['operate'],
      operationId: 'startRollback',
      summary: 'Pin every context to the threshold it had at an earlier version',
      description: 'The pins take effect on every replica at once. Certified thresholds and pins are taken as they were at that version, and applied ' +
        'under the present policies, or with `policies` under those of that version, which are restored. A context that did not exist then is pinned to the threshold of an unknown ' +
        'context, usually null (never stop). Pins that operators set are replaced. Learning continues. To end the rollback, use DELETE. Needs the confirm of a dry run, since it applies to all contexts.',
      querystring: DryRunQuerySchema,
      body: RollbackSchema,
      response: { 200: RollbackReplySchema, ...anyError },
    },
  }, (request) => rollback.to({ ...request.body, ...request.query, by: request.tokenName }))

  app.delete('/v1/rollback', {
    config: { role: 'operator' },
    schema: {
      tags: ['operate'],
      operationId: 'endRollback',
      summary: 'Remove the pins that rollbacks set',
      description: 'Contexts return to their learned thresholds. Pins that operators set since stay. A pin that a rollback replaced is not restored; GET /v1/audit lists it. Needs the confirm of a dry run.',
      querystring: ReasonQuerySchema,
      response: { 200: RollbackEndSchema, ...anyError },
    },
  }, (request) => rollback.end({ by: request.tokenName, ...request.query }))
  done()
}
