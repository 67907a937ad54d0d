import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { BundleQuerySchema, BundleSchema } from '../openapi/bundle.js'
import { anyError } from '../openapi/error.js'
import { awaitBundle } from '../src/bundles.js'
import { parseContextKey } from '../src/core/context.js'
import { InvalidKeyError, ModelTooOldError } from '../src/errors.js'
import type { Parts } from '../src/parts.js'
import { reachablePrefix } from '../src/reach.js'

export const bundle: FastifyPluginCallbackTypebox<Parts> = (app, { config, service }, done) => {
  const closing = new AbortController()
  app.addHook('preClose', (done) => { closing.abort(); done() })

  app.get('/v1/bundle', {
    config: { role: 'worker', bound: 'handler' },
    schema: {
      tags: ['decide'],
      summary: 'All that a worker needs to decide by itself',
      description: 'A decision made from it is the service\'s, to the bit, but for the guarantee; test against openapi/vectors.json. With ' +
        'If-None-Match the answer is 304 while nothing has changed, after `wait` seconds if that is given. gzip if accepted. ' +
        'Steps that are decided elsewhere are not recorded here: send them with the outcome.',
      querystring: BundleQuerySchema,
      response: { 200: BundleSchema, 304: Type.Null({ description: 'The bundle is the one you have' }), ...anyError },
    },
    serializerCompiler: () => JSON.stringify,
  }, async (request, reply) => {
    const prefix = reachablePrefix(request, request.query.prefix)
    if (parseContextKey(config.levels, prefix) === null) {
      throw new InvalidKeyError(prefix.slice(0, 200), config.levels.map((level) => `${level}=VALUE`).join(','))
    }
    const gone = new AbortController()
    reply.raw.once('close', () => { gone.abort() })
    const known = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    const signal = AbortSignal.any([closing.signal, gone.signal])
    const answer = await awaitBundle(service, prefix, known, (request.query.wait ?? 0) * 1000, signal)
    if (service.freshness() === 'too_old') throw new ModelTooOldError()
    if (closing.signal.aborted) reply.header('connection', 'close') // or the end would wait for a client that keeps its connection
    reply.header('cache-control', 'private, no-cache').header('vary', 'accept-encoding, authorization')
    if (answer === null) return await reply.code(304).header('etag', known.at(0)!).send(undefined as never)
    reply.header('etag', answer.etag).type('application/json; charset=utf-8')
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return await reply.send(answer.text as never)
    return await reply.header('content-encoding', 'gzip').send(await answer.gzipped() as never)
  })
  done()
}
