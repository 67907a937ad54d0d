import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from '#typebox'
import type { Services } from './services.js'

export const metrics: FastifyPluginCallbackTypebox<Services> = (app, { metrics }, done) => {
  app.get('/metrics', {
    config: { role: 'metrics' },
    schema: { tags: ['health'], summary: 'Get metrics in the text format of Prometheus', produces: ['text/plain'], response: { 200: Type.String() } },
    serializerCompiler: () => String,
  }, async (_request, reply) => await reply.type(metrics.registry.contentType).send(await metrics.render()))
  done()
}
