import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import {
  ContextDetailSchema, ContextPageSchema, ContextQuerySchema, KeyParamsSchema, PinSchema, ReasonQuerySchema, ReasonSchema,
  WhatIfQuerySchema, WhatIfSchema,
} from '../openapi/context-schemas.js'
import { anyError } from '../openapi/error-schemas.js'
import { PolicyPatchSchema, PolicyQuerySchema, PolicyReplySchema, PolicyDryRunSchema } from '../openapi/policy-schemas.js'
import { TradeoffSchema } from '../openapi/tradeoff-schemas.js'
import type { Services } from './services.js'
import { allowedPrefix } from '../src/access/context-access.js'

const params = KeyParamsSchema
const read = ['contexts']
const operate = ['operate']
const config = { role: 'operator', bound: 'key' } as const
const nothing = Type.Null({ description: 'Done' })

export const contexts: FastifyPluginCallbackTypebox<Services> = (app, { contexts, contextCommands: commands }, done) => {
  app.get('/v1/contexts', {
    config: { role: 'operator', bound: 'handler' },
    schema: { tags: read, summary: 'What is known of each context', querystring: ContextQuerySchema, response: { 200: ContextPageSchema, ...anyError } },
  }, (request) => contexts.list({ limit: 50, ...request.query, prefix: allowedPrefix(request, request.query.prefix) }))

  app.get('/v1/contexts/:key', {
    config,
    schema: { tags: read, summary: 'One context, with a row for every threshold', params, response: { 200: ContextDetailSchema, ...anyError } },
  }, (request) => contexts.get(request.params.key))

  app.get('/v1/contexts/:key/what-if', {
    config,
    schema: {
      tags: read,
      summary: 'What the evidence at hand would certify under another wish',
      description: 'Nothing is changed. What is left out stays as the policy has it. Answered from the counts at hand, so only what says how they are judged ' +
        'can be asked (null is the empty text: value_of_em=&price_per_1k_tokens=); of the rest PUT /v1/contexts/{key}/policy?dry_run=true tells. Another max_em_drop, error_level or predictor than the epoch began with ' +
        'was chosen after looking: its bar is thirty times higher, as it would be if the policy said so.',
      params,
      querystring: WhatIfQuerySchema,
      response: { 200: WhatIfSchema, ...anyError },
    },
  }, (request) => contexts.whatIf(request.params.key, request.query))

  app.get('/v1/contexts/:key/tradeoff', {
    config,
    schema: {
      tags: read,
      summary: 'What tokens cost in EM, from never stopping to stopping at once',
      description: 'The curve with its intervals, raw and smoothed, its knee, where more tokens cost more EM than the policy\'s em_per_token_percent allows, ' +
        'and where the certified threshold is heading. Estimates: only what is certified is promised.',
      params,
      response: { 200: TradeoffSchema, ...anyError },
    },
  }, (request) => contexts.tradeoff(request.params.key))

  app.get('/v1/contexts/:key/policy', {
    config,
    schema: { tags: operate, summary: 'The policy stated here and the one in force', params, response: { 200: PolicyReplySchema, ...anyError } },
  }, (request) => commands.policy(request.params.key))

  app.put('/v1/contexts/:key/policy', {
    config,
    schema: {
      tags: operate,
      summary: 'State a policy here, in place of the one stated before',
      description: 'Fields left out are inherited. In force on every replica at once; a change of label, min_tokens or check_every_tokens starts ' +
        'a new epoch, another max_em_drop or error_level counts as chosen after looking until the next.',
      params,
      querystring: PolicyQuerySchema,
      body: PolicyPatchSchema,
      response: { 200: PolicyDryRunSchema, ...anyError },
    },
  }, (request) => commands.setPolicy(request.params.key, request.body, { by: request.tokenName, ...request.query }))

  app.delete('/v1/contexts/:key/policy', {
    config,
    schema: {
      tags: operate, summary: 'Inherit everything again', params, querystring: PolicyQuerySchema, response: { 200: PolicyReplySchema, ...anyError },
    },
  }, (request) => commands.setPolicy(request.params.key, null, { by: request.tokenName, ...request.query }))

  app.put('/v1/contexts/:key/pin', {
    config,
    schema: { tags: operate, summary: 'Pin a threshold, without a guarantee', description: 'In force at once in this context. Above the leaves it reaches only contexts without a threshold of their own whose policy says fallback "parent"; to stop everything below, set mode "off".', params, body: PinSchema, response: { 204: nothing, ...anyError } },
  }, async (request, reply) => {
    const { reason, ...pin } = request.body
    await commands.setPin(request.params.key, pin, { by: request.tokenName, reason })
    return await reply.code(204).send(null)
  })

  app.delete('/v1/contexts/:key/pin', {
    config,
    schema: { tags: operate, summary: 'Remove a pin', params, querystring: ReasonQuerySchema, response: { 204: nothing, ...anyError } },
  }, async (request, reply) => {
    await commands.setPin(request.params.key, null, { by: request.tokenName, reason: request.query.reason })
    return await reply.code(204).send(null)
  })

  app.post('/v1/contexts/:key/reset', {
    config,
    schema: {
      tags: operate, summary: 'Start a new epoch: its evidence starts from zero', params, body: ReasonSchema, response: { 204: nothing, ...anyError },
    },
  }, async (request, reply) => {
    await commands.reset(request.params.key, { by: request.tokenName, reason: request.body.reason })
    return await reply.code(204).send(null)
  })
  done()
}
