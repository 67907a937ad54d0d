import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { DecisionSchema, StepSchema } from '../../openapi/decision-schemas.js'
import { validatorCompiler } from '../../openapi/validation.js'
import { contextKey } from '../../src/core/policy/context.js'
import { decide } from '../../src/core/decide/decide.js'
import type { Step } from '../../src/core/decide/step.js'
import type { ContextRule } from '../../src/core/decide/rule.js'
import type { Snapshot } from '../../src/core/decide/snapshot.js'

/**
 * A server that reads the model from Redis for each request, and decides by the same rules. It is as lean as possible: one HGET of a
 * prepared rule, and the commands of one turn of the event loop in one write (autopipelining).
 */
export interface LiteralOrder { readonly redisUrl: string, readonly rules: Readonly<Record<string, ContextRule>> }

process.on('message', async ({ redisUrl, rules }: LiteralOrder) => {
  const redis = new Redis(redisUrl, { enableAutoPipelining: true })
  await redis.hset('rules', Object.fromEntries(Object.entries(rules).map(([key, rule]) => [key, JSON.stringify(rule)])))
  const levels = ['model', 'task']
  const app = Fastify()
  app.setValidatorCompiler(validatorCompiler)
  app.post('/v1/decisions', { schema: { body: StepSchema, response: { 200: DecisionSchema } } }, async (request) => {
    const step = request.body as Step
    const rule = JSON.parse((await redis.hget('rules', contextKey(levels, step.context ?? {})))!) as ContextRule
    const snapshot: Snapshot = { stateId: '', version: 1, levels, salt: 'salt', root: { key: '*', rule, children: new Map(), others: new Map() } }
    return decide(snapshot, 'fresh', step)
  })
  process.send!({ url: await app.listen({ port: 0 }) })
})
process.send?.('ready')
