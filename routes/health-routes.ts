import { Type } from '#typebox'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { anyError } from '../openapi/field-schemas.js'
import { LiveSchema, NotReadySchema, ReadySchema } from '../openapi/snapshot-schemas.js'
import { readiness } from '../src/service/health/readiness.js'
import type { Services } from './services.js'

const tags = ['health']

export const healthRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
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
      description: 'For readiness probes: the status is 503 until the replica has loaded a snapshot. A store that is down later is a warning, since decisions go on without it. Where tokens are required, warnings name contexts only for the token of an operator that is not bound to a prefix.',
      response: { 200: ReadySchema, 503: NotReadySchema, ...anyError },
    },
  }, async ({ headers }, reply) => {
    const status = await readiness(services, services.access.seesAll(headers))
    return await reply.code(status.ready ? 200 : 503).send(status)
  })
  done()
}

const EXAMPLE = '# HELP stopgate_learner_leader Whether this replica is the learner\n# TYPE stopgate_learner_leader gauge\nstopgate_learner_leader 1\n'

export const metricsRoutes: FastifyPluginCallbackTypebox<Services> = (app, { metrics }, done) => {
  app.get('/metrics', {
    config: { role: 'metrics' },
    schema: {
      tags: ['health'],
      operationId: 'getMetrics',
      summary: 'Get metrics in the text format of Prometheus',
      description: 'Counters of this replica, and figures of what the service has learned. Each metric has a help text.',
      response: { 200: { description: 'Metrics', content: { 'text/plain': { schema: Type.String({ examples: [EXAMPLE] }) } } }, ...anyError },
    },
    serializerCompiler: () => (data) => typeof data === 'string' ? data : JSON.stringify(data), // errors are JSON
  }, async (_request, reply) => await reply.type(metrics.registry.contentType).send(await metrics.render()))
  done()
}
