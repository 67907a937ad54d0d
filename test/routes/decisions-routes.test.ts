import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../src/core/certificate/grid.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build } from '../helper.js'

t.test('without evidence every decision is continue', async (t) => {
  const { send } = await build(t)
  const { status, body } = await send('POST', '/v1/decisions', { generation_id: 'g', tokens: 40, confidence: 1, context: CONTEXT })
  t.equal(status, 200)
  t.match(body, {
    decision: 'continue', threshold: null, score: 1, reason: 'no_threshold', would_stop: false, arm: 'control', context: KEY, scope: 'none', guarantee: null, next_check_tokens: 64, stale: false,
  })
})

t.test('a certified context stops treated generations and runs control ones in full', async (t) => {
  const built = await build(t)
  await certify(built)
  const ask = async (step: object) => (await built.send('POST', '/v1/decisions', { tokens: 32, confidence: 0.96, context: CONTEXT, ...step })).body
  const threshold = GRID.findLast((lambda) => lambda >= 0.95)
  t.match(await ask({ arm: 'treated' }), {
    decision: 'stop',
    reason: 'score_at_threshold',
    threshold: GRID.at(-1),
    scope: 'own',
    context: KEY,
    guarantee: { max_em_drop: 0.02, error_level: 0.05, post_hoc: false, label: 'exact_match', follow_up_ratio: 1, em_drop: 0, epoch: 1 },
  })
  t.ok(threshold)
  t.match(await ask({ arm: 'control' }), { decision: 'continue', reason: 'control_arm', would_stop: true })
  t.match(await ask({ arm: 'treated', confidence: 0.01 }), { decision: 'continue', reason: 'below_threshold', would_stop: false })
  t.match(await ask({ arm: 'treated', confidence: null }), { decision: 'continue', reason: 'no_score', score: null })
  t.match(await ask({ arm: 'treated', context: { model: 'q', task: 'other' } }), { decision: 'continue', reason: 'no_threshold', context: 'model=q,task=other' })
})

t.test('a group shares an arm, and the control share follows the policy', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"control_rate":0.3}' })
  await certify(built)
  const steps = Array.from({ length: 2000 }, (_, i) => ({ generation_id: `g${i}`, group_id: `p${i % 1000}`, tokens: 32, confidence: 0.96, context: CONTEXT }))
  const { body } = await built.send('POST', '/v1/decisions/batch', { steps })
  const arms = body.decisions.map(({ arm }: { arm: string }) => arm)
  t.same(arms.slice(0, 1000), arms.slice(1000))
  const share = arms.filter((arm: string) => arm === 'control').length / arms.length
  t.ok(Math.abs(share - 0.3) < 0.06, `control share ${share}`) // 4 standard deviations of 1,000 draws
})

t.test('single decisions and batches agree', async (t) => {
  const built = await build(t)
  await certify(built)
  const step = fc.record({
    generation_id: fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' }),
    tokens: fc.nat(2000),
    confidence: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    arm: fc.constantFrom('control', 'treated'),
    context: fc.constantFrom(CONTEXT, { model: 'q' }, {}, { model: 'q', task: 'new' }, { task: 'gsm8k' }),
  }, { requiredKeys: ['tokens', 'confidence'] })
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
    const { body } = await built.send('POST', '/v1/decisions/batch', { steps })
    for (const [i, one] of steps.entries()) t.strictSame((await built.send('POST', '/v1/decisions', one)).body, body.decisions[i])
  }), { numRuns: 50, seed: 1 })
})

t.test('an invalid step of a batch does not affect the others', async (t) => {
  const { send } = await build(t)
  const good = { tokens: 1, confidence: 0.5 }
  const { status, body } = await send('POST', '/v1/decisions/batch', {
    steps: [good, { tokens: -1, confidence: 0.5 }, { ...good, context: { colour: 'red' } }, 7, good],
  })
  t.equal(status, 200)
  t.match(body.decisions, [
    { decision: 'continue' },
    { error: { path: '/tokens', message: /must be >= 0/ } },
    { error: { path: '/context/colour', message: /levels .*model, task/ } },
    { error: { path: '', message: /must be object/ } },
    { decision: 'continue' },
  ])
})

t.test('mode, min_tokens and check_every_tokens take effect', async (t) => {
  const built = await build(t)
  await certify(built)
  const ask = async (tokens: number) => (await built.send('POST', '/v1/decisions', { arm: 'treated', tokens, confidence: 0.99, context: CONTEXT })).body
  const put = async (policy: object) => t.equal((await built.send('PUT', `/v1/contexts/${encodeURIComponent(KEY)}/policy`, policy)).status, 200)
  await put({ mode: 'shadow' })
  t.match(await ask(32), { decision: 'continue', reason: 'shadow', would_stop: true })
  await put({ mode: 'off' })
  t.match(await ask(32), { decision: 'continue', reason: 'off', would_stop: false })
  await put({})
  t.match(await ask(32), { decision: 'stop', next_check_tokens: 64 })
  await put({ min_tokens: 100, check_every_tokens: 40 })
  t.match(await ask(32), { decision: 'continue', reason: 'no_threshold', next_check_tokens: 120 }, 'what the evidence means has changed')
})
