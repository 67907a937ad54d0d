import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../src/core/decide/grid.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { badValues, stepWith } from '../core/decide/random-steps.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'
import { ALL_CONTROL, quickPolicy } from '../quick-policy.js'

const url = '/v1/decisions/batch'

/** A decision without the version of its snapshot, which moves when a context is created by the list of what has been enrolled. */
const ofAnyVersion = ({ snapshot_version: _, ...decision }: { readonly snapshot_version?: number }) => decision

t.test('a batch decides each step in order, and has the rule of the context in replies to first steps', async (t) => {
  const built = await build(t)
  await certify(built)
  const step = { context: CONTEXT, tokens: 32, confidence: 0.99 }
  const { status, body } = await built.send('POST', url, {
    steps: [
      { ...step, arm: 'treated' }, { ...step, arm: 'control' }, { ...step, arm: 'treated', confidence: 0.01 },
      { ...step, generation_id: 'g', context: { model: 'q', task: 'new' } }, { ...step, tokens: -1 },
    ]
  })
  t.equal(status, 200)
  t.match(body.decisions, [
    { decision: 'stop', would_stop: true }, { arm: 'control', would_stop: true, probe: true }, { decision: 'continue' }, { decision: 'continue' },
    { error: { path: '/tokens', message: /must be >= 0/ } },
  ])
  t.strictSame(body.decisions[3].rule, {
    threshold: null, mode: 'enforce', check_every_tokens: 32, check_growth: 0, min_tokens: 0, control_share: 0.25, warnings: [],
  })
  t.notOk('rule' in body.decisions[0], 'a later step')
  t.equal(body.snapshot_version, built.snapshotHolder.snapshot().version)
})

t.test('batches and single steps agree and refuse the same steps', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ control_rate: 0.5, min_tokens: 32 }) })
  await certify(built, CONTEXT, 400)
  const step = fc.oneof(stepWith(badValues), stepWith(badValues).map((step) => ({ ...step, context: CONTEXT })))
  const steps = fc.array(step, { maxLength: 6 })
  let refused = 0
  await fc.assert(fc.asyncProperty(steps, async (drawn) => {
    const { status, body } = await built.send('POST', url, { steps: drawn })
    t.equal(status, 200)
    for (const [i, step] of drawn.entries()) {
      const { status, body: single } = await built.send('POST', '/v1/decisions', step)
      const { error } = body.decisions[i]
      t.equal(error === undefined, status === 200, JSON.stringify({ error, single, step }))
      if (error !== undefined) { refused++; continue }
      t.strictSame(ofAnyVersion(body.decisions[i]), ofAnyVersion(single))
    }
  }), { numRuns: 60, seed: 1 })
  t.ok(refused > 10, `${refused} steps were refused`)
})

t.test('decisions are counted by reason, without invalid steps', async (t) => {
  const { send, metrics } = await build(t)
  const step = { context: {}, tokens: 1, confidence: 1 }
  await send('POST', url, { steps: [step, step, { ...step, tokens: -1 }] })
  t.match(await metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 2\n')
})

t.test('a bound token gets only its own steps', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ tenant: 'worker model=q' }) })
  const step = { tokens: 1, confidence: 1, arm: 'control' }
  const { status, body } = await send('POST', url, { steps: [{ ...step, context: { model: 'r' } }, { ...step, context: CONTEXT }] }, bearer('tenant'))
  t.equal(status, 200)
  t.match(body.decisions, [{ error: { path: '/context', message: /bound to model=q/ } }, { arm: 'control' }])
})

t.test('a body that is no batch is refused', async (t) => {
  const { send } = await build(t)
  const step = { context: {}, tokens: 1, confidence: 1, arm: 'control' }
  for (const [body, path] of [[{ steps: 7 }, '/steps'], [{ steps: Array(4097).fill(step) }, '/steps'], [{ steps: [], arm: [] }, '/arm'], [[], '']] as const) {
    t.match(await send('POST', url, body), { status: 400, body: { code: 'INVALID_INPUT', details: [{ path }] } })
  }
  const { status, body } = await send('POST', url, { steps: Array(4096).fill(step) })
  t.equal(status, 200)
  t.equal(body.decisions.length, 4096)
})

t.test('without evidence every decision is continue', async (t) => {
  const { send } = await build(t, ALL_CONTROL)
  const { status, body } = await send('POST', '/v1/decisions', { generation_id: 'g', tokens: 40, confidence: 1, context: CONTEXT })
  t.equal(status, 200)
  t.match(body, {
    decision: 'continue', threshold: null, score: 1, reason: 'no_threshold', would_stop: false, arm: 'control', context: KEY, scope: 'none', next_check_tokens: 64, stale: false,
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
  })
  const guarantee = { max_em_drop: 0.02, error_level: 0.05, post_hoc: false, about: 'exact match', since: /^\d{4}-.*Z$/, until: /^\d{4}-.*Z$/, units: Number }
  t.match(await ask({ generation_id: 'g' }), { guarantee }, 'the first reply states the guarantee')
  for (const arm of ['control', 'treated']) t.notOk('guarantee' in await ask({ arm }), 'later ones do not repeat it')
  t.ok(threshold)
  t.match(await ask({ arm: 'control' }), { decision: 'continue', reason: 'control_arm', would_stop: true })
  t.match(await ask({ arm: 'treated', confidence: 0.01 }), { decision: 'continue', reason: 'below_threshold', would_stop: false })
  t.match(await ask({ arm: 'treated', confidence: null }), { decision: 'continue', reason: 'no_score', score: null })
  t.match(await ask({ arm: 'treated', context: { model: 'q', task: 'other' } }), { decision: 'continue', reason: 'no_threshold', context: 'model=q,task=other' })
})

t.test('a group shares an arm, and the control share follows the policy', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ control_rate: 0.3 }) })
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
    for (const [i, one] of steps.entries()) t.strictSame(ofAnyVersion((await built.send('POST', '/v1/decisions', one)).body), ofAnyVersion(body.decisions[i]))
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
  const ask = async (tokens: number, arm = 'treated') => (await built.send('POST', '/v1/decisions', { arm, tokens, confidence: 0.99, context: CONTEXT })).body
  const put = async (policy: object) => t.equal((await built.send('PUT', `/v1/contexts/${encodeURIComponent(KEY)}/policy`, policy)).status, 200)
  await put({ mode: 'shadow' })
  t.match(await ask(32), { decision: 'continue', reason: 'shadow', would_stop: true })
  await put({ mode: 'off' })
  t.match(await ask(32), { decision: 'continue', reason: 'off', would_stop: false })
  await put({})
  t.match(await ask(32), { decision: 'stop', next_check_tokens: 64 })
  await put({ min_tokens: 100, check_every_tokens: 40 })
  t.match(await ask(32), { decision: 'continue', reason: 'no_threshold', next_check_tokens: null }, 'what the evidence means has changed')
  t.match(await ask(32, 'control'), { reason: 'no_threshold', next_check_tokens: 120 })
})

t.test('a generation shows why it was not stopped, and its outcome', async (t) => {
  const built = await build(t)
  const { send } = built
  await certify(built)
  const step = { generation_id: 'g', arm: 'control', context: CONTEXT, confidence: 1 }
  const { body: decided } = await send('POST', '/v1/decisions', { ...step, tokens: 32 })
  await send('POST', '/v1/decisions/batch', { steps: [{ ...step, tokens: 64, confidence: 0.1 }] })
  await send('POST', '/v1/decisions/batch', { steps: [{ ...step, tokens: 96, confidence: null }] })
  const { status, body } = await send('GET', '/v1/generations/g')
  t.equal(status, 200)
  const { threshold, snapshot_version } = decided
  t.match(body, {
    generation_id: 'g',
    context: KEY,
    arm: 'control',
    enrolled: false,
    steps: [
      { tokens: 32, confidence: 1, score: 1, threshold, threshold_context: KEY, action: 'continue', reason: 'control_arm', would_stop: true, snapshot_version },
      { tokens: 64, score: 0.1, threshold, reason: 'below_threshold', would_stop: false },
      { tokens: 96, confidence: null, score: null, threshold, reason: 'no_score' },
    ],
  })
  t.notOk('outcome' in body)
  await send('POST', '/v1/outcomes', { generation_id: 'g', arm: 'control', context: CONTEXT, tokens: 100, answer: 'forty-two' })
  t.match((await send('GET', '/v1/generations/g')).body.outcome, { tokens: 100, stopped: false, em: null })
  await send('POST', '/v1/outcomes/g/label', { reference: 'Forty-Two' })
  t.match((await send('GET', '/v1/generations/g')).body.outcome, { em: 1 })
  t.notMatch(JSON.stringify((await send('GET', '/v1/generations/g')).body), /forty/i)
})

t.test('treated generations are logged by their share', async (t) => {
  const { send } = await build(t, { DECISION_LOG_TREATED_SHARE: '1' })
  await send('POST', '/v1/decisions', { generation_id: 't', arm: 'treated', tokens: 32, confidence: 1, context: CONTEXT })
  await send('POST', '/v1/outcomes', { generation_id: 't', arm: 'treated', tokens: 32, context: CONTEXT, em: 1 })
  t.match((await send('GET', '/v1/generations/t')).body, { arm: 'treated', steps: [{ reason: 'no_threshold' }], outcome: { em: 1 } })
})

t.test('a first step says whether it enrolled its generation', async (t) => {
  const { send } = await build(t, ALL_CONTROL)
  await send('POST', '/v1/decisions', { generation_id: 'g', tokens: 16, confidence: 0.5, context: CONTEXT })
  t.equal((await send('GET', '/v1/generations/g')).body.enrolled, true)
  await send('POST', '/v1/decisions/batch', { steps: [{ generation_id: 'h', tokens: 16, confidence: 0.5, context: CONTEXT }] })
  t.equal((await send('GET', '/v1/generations/h')).body.enrolled, true)
  await send('POST', '/v1/decisions', { generation_id: 'late', tokens: 1600, confidence: 0.5, context: CONTEXT })
  t.equal((await send('GET', '/v1/generations/late')).body.enrolled, false)
})

t.test('a generation that is not in the log is not found', async (t) => {
  const { send } = await build(t)
  t.match(await send('GET', '/v1/generations/none'), { status: 404, body: { code: 'GENERATION_NOT_FOUND', message: /none is not in the decision log/ } })
})

t.test('a token that is bound to contexts finds its own generations alone', async (t) => {
  const tokens = tokenList({ ops: 'operator', tenant: 'operator model=q', other: 'operator model=r', worker: 'worker' })
  const { send } = await build(t, { ACCESS_TOKENS: tokens })
  const get = (url: string, name: string) => send('GET', url, undefined, bearer(name))
  await send('POST', '/v1/decisions', { generation_id: 'a/b', arm: 'control', tokens: 32, confidence: 0.5, context: CONTEXT }, bearer('tenant'))
  t.match(await get('/v1/generations/a%2Fb', 'tenant'), { status: 200, body: { generation_id: 'a/b', context: KEY } })
  t.equal((await get('/v1/generations/a%2Fb', 'other')).status, 404)
  t.equal((await get('/v1/generations/a%2Fb?prefix=model%3Dq', 'other')).status, 403)
  t.equal((await get('/v1/generations/a%2Fb', 'ops')).status, 404)
  t.equal((await get('/v1/generations/a%2Fb?prefix=model%3Dq', 'ops')).status, 200)
  t.equal((await get('/v1/generations/a%2Fb', 'worker')).status, 403)
})

t.test('the log is stored without being asked for', async (t) => {
  const { send, store } = await build(t)
  await send('POST', '/v1/decisions', { generation_id: 'g', arm: 'control', tokens: 32, confidence: 0.5, context: CONTEXT })
  await until('it is stored', async () => (await store.events.read(['g'])).size === 1)
})
