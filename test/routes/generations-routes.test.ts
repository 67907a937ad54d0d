import t from 'tap'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

t.test('a generation shows why it was not stopped, and what became of it', async (t) => {
  const built = await build(t)
  const { send } = built
  await certify(built)
  const step = { generation_id: 'g', arm: 'control', context: CONTEXT, confidence: 1 }
  const { body: decided } = await send('POST', '/v1/decisions', { ...step, tokens: 32 })
  await send('POST', '/v1/decisions/batch', { steps: [{ ...step, tokens: 64, confidence: 0.1 }] })
  await send('POST', '/v1/decisions/columns', { contexts: [CONTEXT], context: [0], tokens: [96], confidence: [null], generation_ids: ['g'], arms: ['control'] })
  const { status, body } = await send('GET', '/v1/generations/g')
  t.equal(status, 200)
  const { threshold, model_version } = decided
  t.match(body, {
    generation_id: 'g',
    context: KEY,
    arm: 'control',
    enrolled: false,
    steps: [
      { tokens: 32, confidence: 1, score: 1, threshold, threshold_context: KEY, action: 'continue', reason: 'control_arm', would_stop: true, model_version },
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
