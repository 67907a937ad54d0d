import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { AuditQuerySchema, AuditSchema } from '../openapi/audit-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { auditPage } from '../src/operations/audit-view.js'
import type { Services } from './services.js'

export const audit: FastifyPluginCallbackTypebox<Services> = (app, { store }, done) => {
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
