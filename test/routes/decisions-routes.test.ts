import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../src/core/certificate/thresholds.js'
import { type Columns, stepAt } from '../../src/core/decide/decide-columns.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { badCells, columnsWith } from '../core/decide/random-columns.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

const url = '/v1/decisions/columns'

t.test('a reply lists rows, errors and the rules of contexts', async (t) => {
  const built = await build(t)
  await certify(built)
  const { status, body } = await built.send('POST', url, {
    contexts: [CONTEXT, { model: 'q', task: 'new' }],
    context: [0, 0, 0, 1, 0],
    tokens: [32, 32, 32, 32, -1],
    confidence: [0.99, 0.99, 0.01, 0.99, 0.99],
    arms: ['treated', 'control', 'treated', 'control', 'treated'],
    probed_score: [null, null, null, 1, null],
  })
  t.equal(status, 200)
  t.match(body, { stop: [0], control: [1, 3], would_stop: [0, 1], probe: [1], stale: false, errors: [{ index: 4, path: '/tokens/4', message: /must be >= 0/ }] })
  t.strictSame(body.contexts, [
    { threshold: GRID.at(-1), mode: 'enforce', check_every_tokens: 32, check_growth: 0, min_tokens: 0, control_share: 0.02, warnings: [] },
    { threshold: null, mode: 'enforce', check_every_tokens: 32, check_growth: 0, min_tokens: 0, control_share: 1, warnings: [] },
  ])
  t.equal(body.snapshot_version, built.snapshotHolder.snapshot().version)
})

t.test('columns and single steps agree and refuse the same rows', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"control_rate":0.5,"min_tokens":32}' })
  await certify(built, CONTEXT, 400)
  const mine = columnsWith(badCells, 6).map((columns) => ({ ...columns, contexts: [...columns.contexts.slice(1), CONTEXT] }))
  let refused = 0
  await fc.assert(fc.asyncProperty(mine, async (drawn) => {
    const columns: Columns = JSON.parse(JSON.stringify(drawn))
    const { status, body } = await built.send('POST', url, columns)
    t.equal(status, 200)
    for (const row of columns.context.keys()) {
      const error = body.errors.find(({ index }: { index: number }) => index === row)
      if (columns.contexts[columns.context[row]!] === undefined || !Number.isInteger(columns.context[row])) { t.ok(error); continue }
      const { status, body: single } = await built.send('POST', '/v1/decisions', stepAt(columns, row))
      t.equal(error === undefined, status === 200, JSON.stringify({ error, single, step: stepAt(columns, row) }))
      const is = (list: string) => body[list].includes(row)
      if (error !== undefined) { refused++; t.notOk(is('stop') || is('control') || is('would_stop') || is('probe')); continue }
      t.strictSame(
        { stop: is('stop'), control: is('control'), would_stop: is('would_stop'), probe: is('probe'), threshold: body.contexts[columns.context[row]!].threshold, version: body.snapshot_version },
        { stop: single.decision === 'stop', control: single.arm === 'control', would_stop: single.would_stop, probe: single.probe, threshold: single.threshold, version: single.snapshot_version })
    }
  }), { numRuns: 60, seed: 1 })
  t.ok(refused > 10, `${refused} rows were refused`)
})

t.test('control rows are recorded like single steps', async (t) => {
  const built = await build(t)
  const columns = {
    contexts: [CONTEXT], context: [0, 0, 0], tokens: [32, 32, 32], confidence: [0.5, 0.6, 0.7], generation_ids: ['a', 'b', null], arms: ['control', 'treated', 'control'], em: [1, null, null], signals: { entropy: [2, 2, 2] },
  }
  await built.send('POST', url, columns)
  await built.send('POST', url, { ...columns, tokens: [64, 64, -1] })
  await built.recorder.flush()
  t.strictSame([...await built.store.stepRecords.read(['a', 'b'])], [['a', [
    { tokens: 32, confidence: 0.5, em: 1, signals: { entropy: 2 } }, { tokens: 64, confidence: 0.5, em: 1, signals: { entropy: 2 } },
  ]]])
})

t.test('rows whose policy is off or records no steps are not recorded', async (t) => {
  const built = await build(t)
  const tasks = ['kept', 'off', 'mute']
  await built.send('PUT', '/v1/contexts/model=q,task=off/policy', { mode: 'off' })
  await built.send('PUT', '/v1/contexts/model=q,task=mute/policy', { record_steps: false })
  await built.send('POST', url, {
    contexts: tasks.map((task) => ({ model: 'q', task })), context: [0, 1, 2], tokens: [32, 32, 32], confidence: [0.5, 0.5, 0.5], generation_ids: tasks, arms: Array(3).fill('control'),
  })
  await built.recorder.flush()
  t.same([...(await built.store.stepRecords.read(tasks)).keys()], ['kept'])
})

t.test('decisions are counted by reason, without invalid rows', async (t) => {
  const { send, metrics } = await build(t)
  await send('POST', url, { contexts: [{}], context: [0, 0, 0], tokens: [1, 1, -1], confidence: [1, 1, 1] })
  t.match(await metrics.render(), 'stopgate_decisions_total{decision="continue",reason="no_threshold"} 2\n')
})

t.test('a bound token gets only its own rows', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ tenant: 'worker model=q' }) })
  const { status, body } = await send('POST', url, { contexts: [{ model: 'r' }, CONTEXT], context: [0, 1], tokens: [1, 1], confidence: [1, 1], arms: ['control', 'control'] }, bearer('tenant'))
  t.equal(status, 200)
  t.match(body, { errors: [{ index: 0, path: '/contexts/0', message: /bound to model=q/ }], control: [1] })
  t.equal(body.contexts[0], null, 'nothing is revealed about a foreign context')
})

t.test('a body that is not columns is refused', async (t) => {
  const { send } = await build(t)
  const good = { contexts: [{}], context: [0], tokens: [1], confidence: [1] }
  for (const [body, path] of [[{ ...good, tokens: [1, 2] }, '/tokens'], [{ ...good, context: Array(4097).fill(0) }, '/context'], [{ ...good, arm: [] }, '/arm'], [[], '']] as const) {
    t.match(await send('POST', url, body), { status: 400, body: { code: 'INVALID_INPUT', details: [{ path }] } })
  }
  const rows = 4096
  const { status, body } = await send('POST', url, { contexts: [{}], context: Array(rows).fill(0), tokens: Array(rows).fill(1), confidence: Array(rows).fill(1), arms: Array(rows).fill('control') })
  t.equal(status, 200)
  t.equal(body.control.length, rows)
})

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
  await send('POST', '/v1/decisions/columns', { contexts: [CONTEXT], context: [0], tokens: [96], confidence: [null], generation_ids: ['g'], arms: ['control'] })
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
  const { send } = await build(t, { DEFAULT_POLICY: '{}' })
  await send('POST', '/v1/decisions', { generation_id: 'g', tokens: 16, confidence: 0.5, context: CONTEXT })
  t.equal((await send('GET', '/v1/generations/g')).body.enrolled, true)
  await send('POST', '/v1/decisions/columns', { contexts: [CONTEXT], context: [0], tokens: [16], confidence: [0.5], generation_ids: ['h'] })
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
