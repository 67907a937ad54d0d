import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from '#typebox'
import { anyError } from '../openapi/field-schemas.js'
import { FleetQuerySchema } from '../openapi/fleet-schemas.js'
import { allowedPrefix } from '../src/service/access/context-access.js'
import { createLiveEvents } from '../src/service/events/live-events.js'
import { checkKey } from '../src/service/admin/context-reader.js'
import type { Services } from './services.js'

export const eventsRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  const live = createLiveEvents(services)
  app.addHook('preClose', (done) => {
    live.close()
    done()
  })

  app.get('/v1/events', {
    exposeHeadRoute: false, // a stream that nobody reads would never end
    config: { role: 'operator', bound: 'handler' },
    schema: {
      tags: ['contexts'],
      operationId: 'followEvents',
      summary: 'Follow what changes, as server-sent events',
      description: 'Sends at most one message a second. The event `hello` comes first, with the `snapshot_version` and the `prefix`. An event `change` has the JSON fields snapshot_version, ' +
        'contexts (keys whose threshold, pin, mode, bound, epoch or warnings changed, at most 100), contexts_changed (their number) and counts_changed (whether outcomes were learned ' +
        'or generations enrolled). Messages name what to read again, and contain no figures. If a client reads slowly, its messages are merged. A comment is sent every 15 s. ' +
        'Each replica serves 100 streams at most, 25 for each token, and ends them when it shuts down: connect again.',
      querystring: FleetQuerySchema,
      response: { 200: { description: 'Events', content: { 'text/event-stream': { schema: Type.String() } } }, ...anyError },
    },
    serializerCompiler: () => (data) => typeof data === 'string' ? data : JSON.stringify(data), // errors stay JSON
  }, (request, reply) => {
    const prefix = allowedPrefix(request, request.query.prefix)
    checkKey(services.config, prefix, '/prefix')
    request.isLongPoll = true
    const stream = live.open(prefix, services.access.isOpen ? null : request.tokenName)
    // Without x-accel-buffering: no, nginx would delay messages.
    reply.headers({ 'cache-control': 'no-store', 'x-accel-buffering': 'no' }).type('text/event-stream').send(stream as never)
  })
  done()
}
