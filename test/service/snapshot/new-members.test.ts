import t from 'tap'
import { losslessOutcome, reportTo } from '../../certify.js'
import { build, type Built, until } from '../../helper.js'
import { quickPolicy, SHUFFLED } from '../../quick-policy.js'

const KIND = { model: 'q', task: 'kind' }
const BAD = { model: 'q', task: 'bad' }
const GOOD = { model: 'q', task: 'good' }
const path = (task: string) => `/v1/contexts/${encodeURIComponent(`model=q,task=${task}`)}`

/** Runs one generation as a worker does, and reports it if it was not stopped. */
async function runOne ({ send }: Built, generation_id: string, context: Record<string, string>, em: 0 | 1) {
  const { body } = await send('POST', '/v1/decisions', { generation_id, context, tokens: 32, confidence: 0.99 })
  const steps = [{ tokens: 32, confidence: 0.99, em }, { tokens: 64, confidence: 0.99, em }]
  if (body.decision === 'continue') await send('POST', '/v1/outcomes', { ...losslessOutcome(generation_id, context), arm: body.arm, steps })
  return body
}

const seen = ({ send }: Built, task: string, count: number) => until(`${count} of ${task} are learned`, async () => {
  const { body } = await send('GET', path(task))
  return body.generations?.control === count
})

t.test('in a certified pool, a new member whose stops would all be wrong leaves before it was stopped, and one without losses is stopped after ten', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ ...SHUFFLED, certify_at: 'model' }) })
  const { send } = built
  await reportTo(built, Array.from({ length: 300 }, (_, i) => losslessOutcome(`kind-${i}`, KIND)))
  await until('the pool is certified', async () => (await send('POST', '/v1/decisions', { arm: 'treated', context: KIND, tokens: 32, confidence: 1 })).body.decision === 'stop')

  for (let i = 0; i < 10; i++) {
    t.match(await runOne(built, `bad-${i}`, BAD, 0), { decision: 'continue', arm: 'control', reason: 'no_threshold', scope: 'none', context: 'model=q' })
    await seen(built, 'bad', i + 1)
  }
  t.match((await send('GET', path('bad'))).body, { status: 'drifted', threshold: null, generations: { control_share: 0 }, em: { drop: 1 }, pool: { key: 'model=q', left_at: String, first_generations_left: null } })
  t.match((await send('GET', '/v1/history')).body.changes[0], { key: 'model=q,task=bad', cause: 'left_pool', before: null, after: null })
  t.match(await runOne(built, 'bad-later', BAD, 0), { decision: 'continue', arm: 'treated', threshold: null })
  t.match((await send('GET', '/metrics')).body, 'stopgate_pool_exits_total 1\n')

  for (let i = 0; i < 10; i++) {
    t.match(await runOne(built, `good-${i}`, GOOD, 1), { decision: 'continue', arm: 'control' })
    await seen(built, 'good', i + 1)
    if (i !== 4) continue
    t.match((await send('GET', path('good'))).body, { status: 'certified', threshold: null, generations: { control_share: 1 }, pool: { left_at: null, first_generations_left: 25 } })
    t.match((await send('GET', '/v1/contexts/model=q')).body, { status: 'certified', threshold: Number, members: { new: Number } })
    t.match((await send('GET', '/metrics')).body, 'stopgate_new_pool_members 1\n')
  }
  const step = { arm: 'treated', context: GOOD, tokens: 32, confidence: 1 }
  await until('it is stopped', async () => (await send('POST', '/v1/decisions', step)).body.decision === 'stop')
  t.match((await send('POST', '/v1/decisions', step)).body, { scope: 'pool' })
  t.match((await send('GET', path('good'))).body, { guarantee: {}, pool: { key: 'model=q', left_at: null, first_generations_left: null } })
})
