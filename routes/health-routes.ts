import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { LiveSchema, ReadySchema } from '../openapi/model-schemas.js'
import { unreadableInputs } from '../src/replica/model-inputs.js'
import type { Services } from './services.js'

const tags = ['health']
const STORE_DOWN = 'the store can\'t be reached: decisions go on with the last model, outcomes are refused with 503; check REDIS_URL and the server'

export const health: FastifyPluginCallbackTypebox<Services> = (app, { access, tls, service, store, learner }, done) => {
  app.get('/livez', {
    config: { role: 'open' },
    schema: { tags, summary: 'Whether the process answers', response: { 200: LiveSchema } },
  }, () => ({ status: 'ok' }))

  app.get('/readyz', {
    config: { role: 'open' },
    schema: { tags, summary: 'Whether to send traffic here', response: { 200: ReadySchema, 503: ReadySchema } },
  }, async (_request, reply) => {
    const ready = service.ageSeconds() !== null
    const warnings = await store.warnings().catch(() => [STORE_DOWN])
    const problem = learner.problem()
    if (problem !== null) warnings.push(`the learner fails, so nothing is learned; its log says more: ${problem}`)
    const unloaded = service.problem()
    if (unloaded !== null) warnings.push(`the model can't be loaded, so the last one stays in force; the log says more: ${unloaded}`)
    const { unreadable, inputs } = service.model()
    if (unreadable.size > 0) {
      warnings.push(`the state of ${unreadable.size} contexts can't be read, so they continue, and start a new epoch as soon as there is a learner: ${[...unreadable].slice(0, 5).join(' ')}`)
    }
    const damaged = unreadableInputs(inputs)
    if (damaged.length > 0) {
      warnings.push(`what operators stated can't be read, so nobody is stopped there: PUT or DELETE it again: ${damaged.slice(0, 5).join(', ')}`)
    }
    const keptOut = access.problem()
    if (keptOut !== null) warnings.push(`other access tokens wait, those before stay in force: ${keptOut}`)
    const unrenewed = tls?.problem() ?? null
    if (unrenewed !== null) warnings.push(`another certificate waits, the one before stays in force: ${unrenewed}`)
    return await reply.code(ready ? 200 : 503).send({
      ready,
      store: { kind: store.kind, up: store.isUp() },
      model: { version: service.snapshot().version, age_seconds: service.ageSeconds(), stale: service.freshness() !== 'fresh' },
      learner: { leader: learner.isLeader() },
      warnings,
    })
  })
  done()
}
