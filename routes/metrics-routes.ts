import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from '#typebox'
import { anyError } from '../openapi/error-schemas.js'
import type { Services } from './services.js'

const EXAMPLE = '# HELP stopgate_learner_leader Whether this replica is the learner\n# TYPE stopgate_learner_leader gauge\nstopgate_learner_leader 1\n'

export const metrics: FastifyPluginCallbackTypebox<Services> = (app, { metrics }, done) => {
  app.get('/metrics', {
    config: { role: 'metrics' },
    schema: {
      tags: ['health'],
      operationId: 'getMetrics',
      summary: 'Get metrics in the text format of Prometheus',
      description: 'What this replica has counted, and what is learned. Each metric has a help text.',
      response: { 200: { description: 'Metrics', content: { 'text/plain': { schema: Type.String({ examples: [EXAMPLE] }) } } }, ...anyError },
    },
    serializerCompiler: () => (data) => typeof data === 'string' ? data : JSON.stringify(data), // errors are JSON
  }, async (_request, reply) => await reply.type(metrics.registry.contentType).send(await metrics.render()))
  done()
}
