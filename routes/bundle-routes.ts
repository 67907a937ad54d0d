import { Type } from '#typebox'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import {
  BundleHeadersSchema, BundleQuerySchema, BundleSchema, EnrolledCountSchema, EnrolmentsSchema, BUNDLE_HEADERS as headers,
} from '../openapi/bundle-schemas.js'
import { anyError } from '../openapi/field-schemas.js'
import { ProbeFormReplySchema, ProbeFormRequestSchema } from '../openapi/probe-form-schemas.js'
import { createBundleServer } from '../src/service/decisions/bundle-server.js'
import { acceptEnrolments } from '../src/service/decisions/enroller.js'
import { acceptProbeForm } from '../src/service/decisions/probe-forms.js'
import { MANY_ITEMS_BYTES } from '../src/service/http/json.js'
import type { Services } from './services.js'

export const bundleRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  const bundles = createBundleServer(services)
  app.addHook('preClose', (done) => {
    bundles.close()
    done()
  })

  app.get('/v1/bundle', {
    config: { role: 'worker', bound: 'handler' },
    schema: {
      tags: ['decide'],
      operationId: 'getBundle',
      summary: 'Get everything that a worker needs to decide locally',
      description: 'A decision made from a bundle equals that of the service to the last bit, but shows no guarantee. Test your implementation ' +
        'against openapi/vectors.json. With If-None-Match, the reply is 304 if nothing but snapshot_version has changed; with `wait` as well, that ' +
        'reply comes after `wait` seconds, and a new bundle as soon as there is one. The reply is compressed with gzip if the request accepts it. ' +
        'The service does not record steps that were decided locally: send them with the outcome, and report the generations whose arms you drew with POST /v1/enrolments.',
      querystring: BundleQuerySchema,
      headers: BundleHeadersSchema,
      response: { 200: { ...BundleSchema, headers }, 304: Type.Null({ description: 'You have the current bundle', headers }), ...anyError },
    },
    serializerCompiler: () => JSON.stringify,
  }, async (request, reply) => {
    request.isLongPoll = (request.query.wait ?? 0) > 0
    const { bundle, isKnown } = await bundles.get({
      prefix: request.query.prefix,
      waitSeconds: request.query.wait,
      ifNoneMatch: request.headers['if-none-match'],
      onDisconnect: (listener) => { reply.raw.once('close', listener) },
    }, request)
    if (bundles.isClosing()) reply.header('connection', 'close') // otherwise the shutdown would wait for a client that keeps its connection
    reply.headers({ 'cache-control': 'private, no-cache', vary: 'accept-encoding, authorization', etag: bundle.etag })
    if (isKnown) return await reply.code(304).send(undefined as never)
    reply.type('application/json; charset=utf-8')
    if (!/\bgzip\b/.test(request.headers['accept-encoding'] ?? '')) return await reply.send(bundle.text as never)
    return await reply.header('content-encoding', 'gzip').send(await bundle.gzipped() as never)
  })
  done()
}

export const enrolmentsRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/enrolments', {
    config: { role: 'worker', bound: 'handler', isParsedAsIs: true },
    bodyLimit: MANY_ITEMS_BYTES,
    schema: {
      tags: ['decide'],
      operationId: 'reportEnrolments',
      summary: 'Report the generations whose arms a worker drew itself',
      description: 'For workers that decide with a bundle. Send the first steps of each context, epoch and control share at least every 100 ms, in the ' +
        'background: only generations that are enrolled before they end are evidence. Draws that arrive when they are more than 5 seconds old do not enrol. ' +
        'The service computes draws and hashes from the ids, and enrols those that it would have enrolled itself.',
      body: EnrolmentsSchema,
      response: { 202: EnrolledCountSchema, ...anyError },
    },
  }, async (request, reply) => await reply.code(202).send({ enrolled: acceptEnrolments(services, request.body, request) }))
  done()
}

export const probeFormsRoutes: FastifyPluginCallbackTypebox<Services> = (app, services, done) => {
  app.post('/v1/probe-forms', {
    config: { role: 'worker', bound: 'handler', isParsedAsIs: true },
    schema: {
      tags: ['decide'],
      operationId: 'reportProbeForm',
      summary: 'Read the probe form of a context, and report one that was found',
      description: 'A probe form says how an answer is forced at a step. A worker that finds it by itself forces each form at the natural end of the reasoning of some ' +
        'generations, and compares it with the answer that follows. The first form reported stays, so that all workers force answers in the same way: ' +
        'a bundle has it, too. Its suffix is that of its name, and the texts around the closing tag are white space and punctuation, of 64 characters together. ' +
        'An operator\'s token states (is_stated) any other text, and replaces another form: a new epoch begins, and the audit trail has it. Workers with probes of their own need no form.',
      body: ProbeFormRequestSchema,
      response: { 202: ProbeFormReplySchema, ...anyError },
    },
  }, async (request, reply) => await reply.code(202).send(await acceptProbeForm(services, request.body, request)))
  done()
}
