import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { LiveSchema, ReadySchema } from '../openapi/model-schemas.js'
import { readiness } from '../src/health/readiness.js'
import type { Services } from './services.js'

const tags = ['health']

export const health: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.get('/livez', {
    config: { role: 'open' },
    schema: { tags, summary: 'Check that the process answers', response: { 200: LiveSchema } },
  }, () => ({ status: 'ok' }))

  app.get('/readyz', {
    config: { role: 'open' },
    schema: { tags, summary: 'Check whether this replica can take traffic', response: { 200: ReadySchema, 503: ReadySchema } },
  }, async (_request, reply) => {
    const status = await readiness(services)
    return await reply.code(status.ready ? 200 : 503).send(status)
  })
  done()
}
