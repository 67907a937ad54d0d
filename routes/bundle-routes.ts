import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { BundleQuerySchema, BundleSchema } from '../openapi/bundle-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { awaitBundle } from '../src/decisions/bundles.js'
import { parseContextKey } from '../src/core/policy/context.js'
import { InvalidKeyError, ModelTooOldError } from '../src/errors/errors.js'
import type { Services } from './services.js'
import { allowedPrefix } from '../src/access/context-access.js'

export const bundle: FastifyPluginCallbackTypebox<Services> = (app, { config, service }, done) => {
  const waiting = new Set<AbortController>()
  let isClosing = false
  app.addHook('preClose', (done) => {
    isClosing = true
    for (const one of waiting) one.abort()
    done()
  })

  app.get('/v1/bundle', {
    config: { role: 'worker', bound: 'handler' },
    schema: {
      tags: ['decide'],
      summary: 'All that a worker needs to decide by itself',
      description: 'A decision made from it is the service\'s, to the bit, but for the guarantee; test against openapi/vectors.json. With ' +
        'If-None-Match the answer is 304 while nothing in it has changed but model_version, after `wait` seconds if that is given. gzip if accepted. ' +
        'Steps that are decided elsewhere are not recorded here: send them with the outcome.',
      querystring: BundleQuerySchema,
      response: { 200: BundleSchema, 304: Type.Null({ description: 'The bundle is the one you have' }), ...anyError },
    },
    serializerCompiler: () => JSON.stringify,
  }, async (request, reply) => {
    const prefix = allowedPrefix(request, request.query.prefix)
    if (parseContextKey(config.levels, prefix) === null) {
      throw new InvalidKeyError(prefix.slice(0, 200), config.levels.map((level) => `${level}=VALUE`).join(','))
    }
    const known = (request.headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
    const ended = new AbortController() // one of its own: what AbortSignal.any leaves at a signal that lives on, Node 20 keeps
    waiting.add(ended)
    reply.raw.once('close', () => { ended.abort() })
    const waitMs = isClosing ? 0 : (request.query.wait ?? 0) * 1000
    const answer = await awaitBundle(service, prefix, known, waitMs, ended.signal).finally(() => { waiting.delete(ended) })
    if (service.freshness() === 'too_old') throw new ModelTooOldError()
    if (isClosing) reply.header('connection', 'close') // or the end would wait for a client that keeps its connection
    reply.header('cache-control', 'private, no-cache').header('vary', 'accept-encoding, authorization')
    reply.header('etag', answer.etag)
    if (known.includes(answer.etag)) return await reply.code(304).send(undefined as never)
    reply.type('application/json; charset=utf-8')
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return await reply.send(answer.text as never)
    return await reply.header('content-encoding', 'gzip').send(await answer.gzipped() as never)
  })
  done()
}
