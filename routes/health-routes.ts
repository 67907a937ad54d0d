import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/error-schemas.js'
import { LiveSchema, NotReadySchema, ReadySchema } from '../openapi/model-schemas.js'
import { readiness } from '../src/health/readiness.js'
import type { Services } from './services.js'

const tags = ['health']

export const health: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.get('/livez', {
    config: { role: 'open' },
    schema: {
      tags,
      operationId: 'getLiveness',
      summary: 'Check that the process answers',
      description: 'For liveness probes: restart a process that does not answer. The state of the store does not matter.',
      response: { 200: LiveSchema, ...anyError },
    },
  }, () => ({ status: 'ok' }))

  app.get('/readyz', {
    config: { role: 'open' },
    schema: {
      tags,
      operationId: 'getReadiness',
      summary: 'Check whether this replica can take traffic',
      description: 'For readiness probes: the status is 503 until the replica has loaded a model. A store that is down later is a warning, since decisions go on without it.',
      response: { 200: ReadySchema, 503: NotReadySchema, ...anyError },
    },
  }, async (_request, reply) => {
    const status = await readiness(services)
    return await reply.code(status.ready ? 200 : 503).send(status)
  })
  done()
}
