import t from 'tap'
import { batchSteps } from '../../../src/cli/replay/batch-steps.js'
import { build } from '../../helper.js'

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
