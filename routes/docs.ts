import swaggerUi from '@fastify/swagger-ui'
import type { FastifyPluginCallback } from 'fastify'

/** The contract, for people and for generators, open to both. */
export const docs: FastifyPluginCallback = (app, _options, done) => {
  app.addHook('onRoute', (route) => { route.config = { ...route.config, role: 'open' } })
  app.register(swaggerUi, { routePrefix: '/docs', uiConfig: { tryItOutEnabled: true, displayRequestDuration: true, docExpansion: 'list' } })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
  done()
}
