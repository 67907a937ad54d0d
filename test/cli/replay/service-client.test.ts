import t from 'tap'
import { createReplayClient, batchSteps } from '../../../src/cli/replay/service-client.js'
import { certify, KEY } from '../../certify.js'
import { build } from '../../helper.js'

t.test('it calls the routes of the service', async (t) => {
  const built = await build(t)
  const service = createReplayClient({
    async send (method, path, body) {
      const reply = await built.send(method, path, body)
      t.ok(reply.status < 300, `${method} ${path}`)
      return reply.body
    },
  })
  t.strictSame(await service.levels(), ['model', 'task'])
  t.match(await service.policy(KEY), { follow_up_seconds: 0, max_em_drop: 0.02 }, 'of a context without generations')
  t.match(await service.decide({ generation_id: 'a', tokens: 1, confidence: 0.5 }), { decision: 'continue', arm: 'control' })

  const outcome = { generation_id: 'a', tokens: 1, em: 1 as const, steps: [] }
  await service.report(outcome)
  t.equal(service.duplicates(), 0)
  await service.report(outcome)
  t.equal(service.duplicates(), 1)

  await certify(built)
  t.ok(await service.hasLearned(10_000), 'the learner has read the whole log')
  const contexts = await service.contexts()
  t.match(contexts.find(({ key }) => key === KEY), { scope: 'own', policy: { max_em_drop: 0.02 } })
})

t.test('it reads all pages of contexts', async (t) => {
  const asked: string[] = []
  const pages: Record<string, unknown> = {
    '/v1/contexts?limit=200': { contexts: [{ key: 'a=1' }], next: 'a=1' },
    '/v1/contexts?limit=200&after=a%3D1': { contexts: [{ key: 'b' }], next: null },
  }
  const { contexts } = createReplayClient({ send: async (_method, path) => { asked.push(path); return pages[path] } })
  t.strictSame((await contexts()).map(({ key }) => key), ['a=1', 'b'])
  t.equal(asked.length, 2)
})

t.test('it stops waiting for the learner at the deadline', async (t) => {
  const { hasLearned } = createReplayClient({ send: async () => ({ levels: [], age_seconds: null }) })
  t.equal(await hasLearned(0), false)
})

const step = (i: number) => ({ generation_id: `g${i}`, tokens: 32, confidence: 0.5, context: { model: 'q', task: `t${i}` } })

t.test('steps that wait at the same time are decided by one request, of up to 256', async (t) => {
  const built = await build(t)
  const sizes: number[] = []
  const decide = batchSteps(async (method, path, body) => {
    sizes.push((body as { steps: object[] }).steps.length)
    return (await built.send(method, path, body)).body
  })
  const decisions = await Promise.all(Array.from({ length: 300 }, (_, i) => decide(step(i))))
  t.strictSame(sizes, [256, 44])
  t.strictSame(decisions.map((decision) => (decision as unknown as { context: string }).context), decisions.map((_, i) => `model=q,task=t${i}`))
  await decide(step(0))
  t.strictSame(sizes, [256, 44, 1])
})

t.test('a step that is refused fails alone, and a request that fails fails each of its steps', async (t) => {
  const { send } = await build(t)
  const decide = batchSteps(async (method, path, body) => (await send(method, path, body)).body)
  const [good, bad] = await Promise.allSettled([decide(step(1)), decide({ ...step(2), tokens: -1 })])
  t.match(good, { status: 'fulfilled', value: { decision: 'continue' } })
  t.match(bad, { status: 'rejected', reason: { name: 'ServiceError', message: /^a step was refused: \/tokens must be / } })

  const failing = batchSteps(async () => { throw new Error('no service') })
  for (const one of await Promise.allSettled([failing(step(1)), failing(step(2))])) t.match(one, { status: 'rejected', reason: { message: 'no service' } })
})
