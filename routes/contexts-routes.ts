import { Type } from '#typebox'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply } from 'fastify'
import {
  ContextDetailSchema, ContextPageSchema, ContextQuerySchema, KeyParamsSchema, PolicyKeyParamsSchema,
} from '../openapi/context-schemas.js'
import { anyError } from '../openapi/field-schemas.js'
import {
  CommandDryRunSchema, DryRunQuerySchema, PinQuerySchema, PinReplySchema, PinSchema, PolicyChangeQuerySchema, PolicyDryRunSchema,
  PolicyMergePatchSchema, PolicyPatchSchema, PolicyQuerySchema, PolicyReplySchema, ReasonQuerySchema, ReasonSchema,
} from '../openapi/policy-schemas.js'
import { ContextHistoryQuerySchema, ContextHistorySchema } from '../openapi/snapshot-schemas.js'
import { TradeoffSchema, WhatIfQuerySchema, WhatIfSchema } from '../openapi/tradeoff-schemas.js'
import { allowedPrefix, type Caller } from '../src/service/access/context-access.js'
import type { CommandDryRun } from '../src/service/admin/context-commands.js'
import type { Services } from './services.js'

const params = KeyParamsSchema
const read = ['contexts']
const operate = ['operate']
const config = { role: 'operator', bound: 'key' } as const
const replies = { 200: CommandDryRunSchema, 204: Type.Null({ description: 'The change is stored' }), ...anyError }
const CONFIRM = 'At *, a call that changes any context needs the confirm of a dry run.'
const CONFIRM_POLICY = 'At *, a call that changes any context needs the confirm of a dry run, unless it sets mode "off".'

/** Replies with the result of a dry run, or with 204 after a real one. */
function answer (reply: FastifyReply, dryRun: CommandDryRun | null): FastifyReply {
  return reply.code(dryRun === null ? 204 : 200).send(dryRun)
}

const originOf = ({ tokenName, tokenPrefix }: Caller) => ({ by: tokenName, prefix: tokenPrefix })

export const contextsRoutes: FastifyPluginCallbackTypebox<Services> = (app, { contexts, contextCommands: commands }, done) => {
  app.get('/v1/contexts', {
    config: { role: 'operator', bound: 'handler' },
    schema: {
      tags: read,
      operationId: 'listContexts',
      summary: 'List contexts with their state',
      description: 'A page of the contexts that outcomes have named, and of those above them, in the order of their keys. Each row is the state that the learner wrote last.',
      querystring: ContextQuerySchema,
      response: { 200: ContextPageSchema, ...anyError },
    },
  }, (request) => contexts.list({ limit: 50, ...request.query, prefix: allowedPrefix(request, request.query.prefix) }))

  app.get('/v1/contexts/:key', {
    config,
    schema: {
      tags: read,
      operationId: 'getContext',
      summary: 'Get one context with a row for every threshold',
      description: 'The state of the context and what the evidence says about each threshold of the score that serves it. A context that its own policy makes a pool is shown even before its first outcome.',
      params,
      response: { 200: ContextDetailSchema, ...anyError },
    },
  }, (request) => contexts.get(request.params.key))

  app.get('/v1/contexts/:key/what-if', {
    config,
    schema: {
      tags: read,
      operationId: 'getWhatIf',
      summary: 'Show what the present evidence would certify under another requested guarantee',
      description: 'Nothing is changed. Fields that are left out keep the value of the policy. You can set the fields that decide how the evidence is judged, and ' +
        'the cadence (check_every_tokens, check_growth). For a cadence, up to 256 generations that are kept with all their steps are replayed: each check ' +
        'takes place at the first recorded step at or after it, so the cadence must not be finer than the recorded one. Other fields would need other evidence: ' +
        'for those, use PUT /v1/contexts/{key}/policy?dry_run=true. A ' +
        'max_em_drop, error_level or predictor other than that of the beginning of the epoch counts as chosen after seeing the evidence, so its bar is thirty times higher, as after a change of the policy.',
      params,
      querystring: WhatIfQuerySchema,
      response: { 200: WhatIfSchema, ...anyError },
    },
  }, (request) => contexts.whatIf(request.params.key, request.query))

  app.get('/v1/contexts/:key/tradeoff', {
    config,
    schema: {
      tags: read,
      operationId: 'getTradeoff',
      summary: 'Get the trade-off between EM and tokens',
      description: 'The curve with its intervals, raw and smoothed; its knee; the threshold from which the predicted EM drop ' +
        'exceeds max_em_drop; and a forecast of the certified threshold. These are estimates: only a certificate is a promise.',
      params,
      response: { 200: TradeoffSchema, ...anyError },
    },
  }, (request) => contexts.tradeoff(request.params.key))

  app.get('/v1/contexts/:key/history', {
    config,
    schema: {
      tags: read,
      operationId: 'getContextHistory',
      summary: 'List the changes of the threshold and the mode of one context',
      description: '`changes` are its own, as in GET /v1/history. `modes` lists the changes of the mode in force, whichever policy made them.',
      params,
      querystring: ContextHistoryQuerySchema,
      response: { 200: ContextHistorySchema, ...anyError },
    },
  }, ({ params: { key }, query, tokenPrefix }) => contexts.history(key, { ...query, tokenPrefix }))

  app.get('/v1/contexts/:key/policy', {
    config,
    schema: {
      tags: operate,
      operationId: 'getPolicy',
      summary: 'Get the policy that the context states and the one in force',
      description: '`policy` has the fields that the context states; `effective` is the whole policy, with the fields that it inherits, and `sources` where each comes from. The most specific key that states a field decides: a longer key before a shorter one, and of equally long keys the one that names the first level in which they differ, where the other has `*`.',
      params: PolicyKeyParamsSchema,
      response: { 200: PolicyReplySchema, ...anyError },
    },
  }, (request) => commands.policy(request.params.key))

  app.put('/v1/contexts/:key/policy', {
    config,
    schema: {
      tags: operate,
      operationId: 'replacePolicy',
      summary: 'Replace the policy of a context',
      description: 'Fields that are left out are inherited; PATCH keeps them. The policy takes effect on every replica at once. A change of score, label, judge_miss_rate, judge_gain_share, ' +
        'evidence_span_seconds, min_tokens, check_every_tokens or check_growth starts a new epoch. Another max_em_drop or error_level counts as chosen after seeing the evidence until the next epoch. ' +
        CONFIRM_POLICY,
      params: PolicyKeyParamsSchema,
      querystring: PolicyChangeQuerySchema,
      body: PolicyPatchSchema,
      response: { 200: PolicyDryRunSchema, ...anyError },
    },
  }, (request) => commands.setPolicy(request.params.key, request.body, { ...originOf(request), ...request.query }))

  app.patch('/v1/contexts/:key/policy', {
    config,
    schema: {
      tags: operate,
      operationId: 'patchPolicy',
      summary: 'Change fields of the policy of a context',
      description: 'A JSON merge patch (RFC 7396) of the fields that the context states: fields that are left out stay as they are, and null removes a field, so that it is ' +
        'inherited. (To state the value null itself, replace the policy.) {"mode": "off"} at * pauses stopping, like PUT /v1/pause: generations are no longer stopped in any context. ' +
        'Neither this nor setting the mode back loses evidence. ' + CONFIRM_POLICY,
      consumes: ['application/json', 'application/merge-patch+json'],
      params: PolicyKeyParamsSchema,
      querystring: PolicyChangeQuerySchema,
      body: PolicyMergePatchSchema,
      response: { 200: PolicyDryRunSchema, ...anyError },
    },
  }, (request) => commands.patchPolicy(request.params.key, request.body, { ...originOf(request), ...request.query }))

  app.delete('/v1/contexts/:key/policy', {
    config,
    schema: {
      tags: operate,
      operationId: 'deletePolicy',
      summary: 'Remove the policy of a context',
      description: 'The context then inherits every field from its parent. Where that changes a field that evidence depends on, a new epoch starts, as with PUT. ' + CONFIRM,
      params: PolicyKeyParamsSchema,
      querystring: PolicyQuerySchema,
      response: { 200: PolicyReplySchema, ...anyError },
    },
  }, (request) => commands.setPolicy(request.params.key, null, { ...originOf(request), ...request.query }))

  app.put('/v1/contexts/:key/pin', {
    config,
    schema: {
      tags: operate,
      operationId: 'setPin',
      summary: 'Pin a threshold, which then has no guarantee',
      description: 'The pin takes effect at once. Above the leaves, it applies only where the context is a pool (see certify_at in the policy), to all contexts ' +
        'of the pool that have no pin of their own. To switch stopping off in all contexts below, set mode "off" in the policy. ' + CONFIRM,
      params,
      querystring: PinQuerySchema,
      body: PinSchema,
      response: { 200: PinReplySchema, ...anyError },
    },
  }, (request) => {
    const { reason, ...pin } = request.body
    return commands.setPin(request.params.key, pin, { ...originOf(request), reason, ...request.query })
  })

  app.delete('/v1/contexts/:key/pin', {
    config,
    schema: {
      tags: operate,
      operationId: 'removePin',
      summary: 'Remove the pin of a context',
      description: 'The context returns at once to the threshold that its evidence certifies. ' + CONFIRM,
      params,
      querystring: ReasonQuerySchema,
      response: replies,
    },
  }, async (request, reply) => {
    return answer(reply, await commands.removePin(request.params.key, { by: request.tokenName, ...request.query }))
  })

  app.post('/v1/contexts/:key/reset', {
    config,
    schema: {
      tags: operate,
      operationId: 'resetContext',
      summary: 'Start a new epoch, which begins without evidence',
      description: 'The reset applies to the context and everything below it. ' + CONFIRM,
      params,
      querystring: DryRunQuerySchema,
      body: ReasonSchema,
      response: replies,
    },
  }, async (request, reply) => {
    return answer(reply, await commands.reset(request.params.key, { by: request.tokenName, ...request.body, ...request.query }))
  })
  done()
}
