import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/field-schemas.js'
import { AcknowledgementSchema, EndOfPauseQuerySchema, FleetPageQuerySchema, FleetPageSchema, FleetQuerySchema, FleetSchema, PauseRequestSchema, PauseSchema, StoreLossSchema } from '../openapi/fleet-schemas.js'
import { AuditQuerySchema, AuditSchema } from '../openapi/policy-schemas.js'
import { allowedPrefix } from '../src/service/access/context-access.js'
import { auditPage } from '../src/service/admin/history.js'
import type { Services } from './services.js'

const config = { role: 'operator', bound: 'handler' } as const
const tags = ['contexts']

export const fleetRoutes: FastifyPluginCallbackTypebox<Services> = (app, { fleet }, done) => {
  app.get('/v1/fleet', {
    config,
    schema: {
      tags,
      operationId: 'getFleet',
      summary: 'Get sums over all contexts, and what needs attention',
      description: 'Tokens saved, generations, contexts by status and mode, and alarms: of all contexts, or of those within a prefix.',
      querystring: FleetQuerySchema,
      response: { 200: FleetSchema, ...anyError },
    },
  }, (request) => fleet.sums(allowedPrefix(request, request.query.prefix)))

  app.get('/v1/fleet/contexts', {
    config,
    schema: {
      tags,
      operationId: 'searchContexts',
      summary: 'Search and sort short descriptions of contexts',
      description: 'A page of contexts, searched, filtered by status and sorted by any figure. GET /v1/contexts describes them in full.',
      querystring: FleetPageQuerySchema,
      response: { 200: FleetPageSchema, ...anyError },
    },
  }, (request) => fleet.rows({
    sort: 'key', descending: false, offset: 0, limit: 50, ...request.query, prefix: allowedPrefix(request, request.query.prefix),
  }))
  done()
}

export const pauseRoutes: FastifyPluginCallbackTypebox<Services> = (app, { pause }, done) => {
  const tags = ['operate']
  const config = { role: 'operator' } as const
  const response = { 200: PauseSchema, ...anyError }
  app.get('/v1/pause', {
    config,
    schema: {
      tags,
      operationId: 'getPause',
      summary: 'Show whether stopping is paused',
      description: 'Whether the replica that answers stops generations, even if the store cannot be reached.',
      response,
    },
  }, () => pause.view())

  app.put('/v1/pause', {
    config: { ...config, isUrgent: true },
    schema: {
      tags,
      operationId: 'pauseStopping',
      summary: 'Pause stopping',
      description: 'For emergencies: no generation is stopped any more, in any context, and no evidence is lost. The pause is in force on this replica when the call returns, even if the store ' +
        'cannot be reached. The store gets it as mode "off" at *, as soon as it can be reached, and then it is in force on all replicas; until then, call each of them.',
      body: PauseRequestSchema,
      response,
    },
  }, ({ body: { reason }, tokenName: by }) => pause.start({ by, reason }))

  app.delete('/v1/pause', {
    config,
    schema: {
      tags,
      operationId: 'endPause',
      summary: 'End the pause of stopping',
      description: 'Generations are stopped again on all replicas: * gets the mode that it had before. Ending it twice does no harm. While the store cannot be reached, a pause that it has stays ' +
        '(503), and one that it does not have ends on this replica.',
      querystring: EndOfPauseQuerySchema,
      response,
    },
  }, ({ query: { reason }, tokenName: by }) => pause.end({ by, reason }))
  done()
}

export const storeLossRoutes: FastifyPluginCallbackTypebox<Services> = (app, { storeLoss }, done) => {
  const tags = ['operate']
  app.get('/v1/store-loss', {
    config: { role: 'operator' },
    schema: {
      tags,
      operationId: 'getStoreLoss',
      summary: 'Show whether the store has lost its contents',
      description: 'A loss that nobody has acknowledged: the store is another one than before, or went back to an older state.',
      response: { 200: StoreLossSchema, ...anyError },
    },
  }, () => storeLoss.view())

  app.post('/v1/store-loss/acknowledgement', {
    config: { role: 'operator' },
    schema: {
      tags,
      operationId: 'acknowledgeStoreLoss',
      summary: 'Acknowledge that the store has lost its contents',
      description: 'Ends the warning, the banner and the alert on all replicas. Restore the last export first, if you want to. The audit trail keeps who acknowledged it, and why.',
      body: AcknowledgementSchema,
      response: { 200: StoreLossSchema, ...anyError },
    },
  }, ({ body: { reason }, tokenName: by }) => storeLoss.acknowledge({ by, reason }))
  done()
}

export const auditRoutes: FastifyPluginCallbackTypebox<Services> = (app, { store }, done) => {
  app.get('/v1/audit', {
    config: { role: 'operator' },
    schema: {
      tags: ['operate'],
      operationId: 'listCommands',
      summary: 'List the commands of operators',
      description: 'The newest 10,000 changes of policies, pins, resets and predictors, with the policy or pin that each replaced.',
      querystring: AuditQuerySchema,
      response: { 200: AuditSchema, ...anyError },
    },
  }, (request) => auditPage(store, request.query.limit ?? 100, request.query.before))
  done()
}
