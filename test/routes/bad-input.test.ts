import t from 'tap'
import { CONTEXT, KEY, losslessOutcome } from '../certify.js'
import { build } from '../helper.js'

const step = { tokens: 10, confidence: 0.5 }
const outcome = losslessOutcome('bad-1')

const cases: [string, string, unknown, string | null, RegExp][] = [
  ['a confidence above 1', '/v1/decisions', { ...step, confidence: 1.5 }, '/confidence', /0 to 1, or null/],
  ['a confidence below 0', '/v1/decisions', { ...step, confidence: -0.1 }, '/confidence', /0 to 1/],
  ['NaN as text', '/v1/decisions', { ...step, confidence: 'NaN' }, '/confidence', /must be number,null/],
  ['no confidence', '/v1/decisions', { tokens: 1 }, '/confidence', /required/],
  ['negative tokens', '/v1/decisions', { ...step, tokens: -1 }, '/tokens', /must be >= 0/],
  ['tokens as text', '/v1/decisions', { ...step, tokens: '10' }, '/tokens', /must be integer/],
  ['tokens with a fraction', '/v1/decisions', { ...step, tokens: 1.5 }, '/tokens', /must be integer/],
  ['a misspelt field', '/v1/decisions', { ...step, confidance: 1 }, '/confidance', /not a known field.*confidence/],
  ['an unknown level', '/v1/decisions', { ...step, context: { colour: 'red' } }, '/context/colour', /levels .*model, task/],
  ['an empty level', '/v1/decisions', { ...step, context: { model: '' } }, '/context/model', /fewer than 1/],
  ['a level of 129 bytes', '/v1/decisions', { ...step, context: { model: 'é'.repeat(65) } }, '/context/model', /too long/],
  ['17 signals', '/v1/decisions', { ...step, signals: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`s${i}`, 1])) }, '/signals', /16/],
  ['an unknown arm', '/v1/decisions', { ...step, arm: 'both' }, '/arm', /"control", "treated"/],
  ['a list for a step', '/v1/decisions', [step], '', /must be object/],
  ['a bare list of steps', '/v1/decisions/batch', [step], '', /must be object: wrap what you send as \{"steps": \[\.\.\.\]\}$/],
  ['one step for a batch', '/v1/decisions/batch', step, '/steps', /is required: wrap what you send as \{"steps": \[\.\.\.\]\}$/],
  ['a bare list of outcomes', '/v1/outcomes/batch', [outcome], '', /must be object: wrap what you send as \{"outcomes": \[\.\.\.\]\}$/],
  ['one outcome for a batch', '/v1/outcomes/batch', outcome, '/outcomes', /is required: wrap what you send as \{"outcomes": \[\.\.\.\]\}$/],
  ['4,097 steps', '/v1/decisions/batch', { steps: Array(4097).fill(step) }, '/steps', /4096/],
  ['a batch without steps', '/v1/decisions/batch', {}, '/steps', /required/],
  ['control and stopped', '/v1/outcomes', { ...outcome, stopped: true }, '/stopped', /never stopped/],
  ['steps out of order', '/v1/outcomes', { ...outcome, steps: outcome.steps.toReversed() }, '/steps/1/tokens', /order/],
  ['a step past the end', '/v1/outcomes', { ...outcome, tokens: 50 }, '/steps/1/tokens', /whole generation/],
  ['an EM of one half', '/v1/outcomes', { ...outcome, em: 0.5 }, '/em', /must be integer/],
  ['an EM of two', '/v1/outcomes', { ...outcome, em: 2 }, '/em', /0, 1/],
  ['no generation_id', '/v1/outcomes', { ...outcome, generation_id: undefined }, '/generation_id', /required/],
  ['an outcome of an unknown level', '/v1/outcomes', { ...outcome, context: { x: 'y' } }, '/context/x', /levels/],
]

t.test('an invalid body is refused with its path and remedy, and changes nothing', async (t) => {
  const { send } = await build(t)
  const model = async () => { const { body: { version, contexts } } = await send('GET', '/v1/snapshot'); return { version, contexts } }
  const before = await model()
  for (const [name, url, body, path, message] of cases) {
    const reply = await send('POST', url, body)
    t.equal(reply.status, 400, name)
    t.match(reply.body, { statusCode: 400, code: String, error: 'Bad Request', message }, name)
    t.equal(reply.body.details?.[0]?.path, path, name)
    t.match(reply.body.details?.[0]?.message, message, name)
    t.equal((await send('POST', '/v1/decisions', step)).status, 200, `${name}: the next request is unaffected`)
  }
  t.strictSame(await model(), before)
  t.strictSame((await send('GET', '/v1/contexts')).body, { contexts: [], next: null })
})

t.test('bodies that are not JSON are refused', async (t) => {
  const { app, send } = await build(t)
  const post = async (payload: string, type = 'application/json') =>
    await app.inject({ method: 'POST', url: '/v1/decisions', payload, headers: { 'content-type': type } })
  t.match((await post('{"tokens": 1, "confidence": NaN}')).json(), { statusCode: 400, code: 'INVALID_INPUT', message: /null in place of NaN and Infinity/ })
  t.match((await post('')).json(), { statusCode: 400, message: /The body is empty/ })
  t.match((await post('{"__proto__": {"x": 1}, "tokens": 1, "confidence": 1}')).json(), { statusCode: 400 })
  t.match((await post('tokens=1', 'application/x-www-form-urlencoded')).json(), { statusCode: 415, code: 'UNSUPPORTED_MEDIA_TYPE', message: /application\/json/ })
  t.match((await post(`{"tokens": 1, "pad": "${'x'.repeat(5 * 1024 * 1024)}"}`)).json(), { statusCode: 413, code: 'BODY_TOO_LARGE', message: /64 KiB/ })
  const many = await send('POST', '/v1/decisions/batch', { steps: [], pad: 'x'.repeat(5 * 1024 * 1024) })
  t.match(many.body, { statusCode: 413, code: 'BODY_TOO_LARGE', message: /4 MiB/ })
})

t.test('a field called __proto__ spoils its own item of a batch, not the others', async (t) => {
  const { app } = await build(t)
  const { context: _, ...rest } = outcome
  const named = (name: string, payload: object) => JSON.stringify(payload).replaceAll('SPOILED', name)
  const items = [
    outcome, { ...outcome, generation_id: 'bad-2', SPOILED: 1 }, { ...rest, generation_id: 'bad-3', context: { ...CONTEXT, SPOILED: 'x' } },
    { ...outcome, generation_id: 'bad-4', steps: [{ ...outcome.steps[0], signals: { SPOILED: 1 } }] }, { ...outcome, generation_id: 'good' },
  ]
  const reply = await app.inject({
    method: 'POST', url: '/v1/outcomes/batch', payload: named('__proto__', { outcomes: items }), headers: { 'content-type': 'application/json' },
  })
  t.match(reply.json(), {
    accepted: 2,
    rejected: [{ index: 1, path: '/__proto__' }, { index: 2, path: '/context/__proto__' }, { index: 3, path: '/steps/0/signals' }],
  })
})

t.test('a name that is not valid UTF-8 is refused', async (t) => {
  const { app } = await build(t)
  for (const field of ['generation_id', 'group_id', 'context']) {
    const value = field === 'context' ? { model: 'XX' } : 'XX'
    const text = Buffer.from(JSON.stringify({ ...outcome, [field]: value }))
    text.writeUInt16BE(0xfffe, text.indexOf('XX'))
    const { statusCode, body } = await app.inject({ method: 'POST', url: '/v1/outcomes', payload: text, headers: { 'content-type': 'application/json' } })
    t.match([statusCode, body], [400, /valid Unicode/], field)
  }
})

t.test('a body that is too large gets a reply while the client still sends', async (t) => {
  const { app } = await build(t)
  const url = await app.listen({ port: 0 })
  for (let i = 0; i < 5; i++) {
    const reply = await fetch(`${url}/v1/outcomes/batch`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: 'x'.repeat(20 * 1024 * 1024) })
    t.equal(reply.status, 413)
  }
})

t.test('invalid keys and unknown names are refused', async (t) => {
  const { send } = await build(t)
  for (const key of ['model', 'task=gsm8k', 'model=a=b', 'model=', 'model=a,task=b,x=y', 'model=a\nb', 'model=%41', '%2A', 'model=a%zz']) {
    t.match(await send('GET', `/v1/contexts/${encodeURIComponent(key)}`), { status: 400, body: { code: 'INVALID_CONTEXT_KEY', message: /starting with the first \(model=.*,task=.*; levels/ } }, key)
  }
  t.match(await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`), { status: 404, body: { code: 'CONTEXT_NOT_FOUND' } })
  t.match(await send('POST', `/v1/contexts/${encodeURIComponent(KEY)}/reset`, { reason: 'x' }), { status: 404 })
  t.match(await send('POST', '/v1/contexts/*/reset', {}), { status: 400, body: { details: [{ path: '/reason' }] } })
  t.match(await send('GET', '/v1/contexts?status=happy'), { status: 400, body: { message: /querystring\/status/ } })
  t.match(await send('GET', '/v1/contexts?limit=0'), { status: 400 })
  t.match(await send('GET', '/v1/nowhere'), { status: 404, body: { code: 'ROUTE_NOT_FOUND', message: /\/docs/ } })
  t.match((await send('GET', '/v1/contexts/model=Qwen/Qwen3-8B')).body.message, /%2F/, 'which the names of most models have')
  t.match(await send('PUT', '/v1/contexts/*/policy', { max_em_drop: 2 }), { status: 400, body: { details: [{ path: '/max_em_drop' }] } })
  t.match(await send('PUT', '/v1/contexts/*/policy', { min_tokens: 9, certify_at: 'tenant' }), { status: 400, body: { code: 'INVALID_POLICY', message: /must be a context level/ } })
  t.match((await send('GET', '/v1/contexts/*/policy')).body.policy, {}, 'a refused policy is not half-applied')
})

t.test('an invalid outcome of a batch is listed and the others are stored', async (t) => {
  const { send } = await build(t)
  const { status, body } = await send('POST', '/v1/outcomes/batch', {
    outcomes: [losslessOutcome('a'), { ...losslessOutcome('b'), tokens: -1 }, losslessOutcome('a'), { ...losslessOutcome('c'), context: { ...CONTEXT, x: 'y' } }],
  })
  t.equal(status, 202)
  t.match(body, { accepted: 1, duplicates: 1, rejected: [{ index: 1, path: '/tokens' }, { index: 3, path: '/context/x' }] })
})
