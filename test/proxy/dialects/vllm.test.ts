import t from 'tap'
import { DialectError } from '../../../src/proxy/dialects/dialect.js'
import { cachePerModel } from '../../../src/proxy/dialects/vllm.js'
import { CHAT, startUnderTest } from '../proxy-under-test.js'

t.test('the request goes upstream as it is, and probes are token ids', async (t) => {
  const { ask, upstream, metric, treated } = await startUnderTest(t, { pauseAt: 40, confidence: () => 0.95 })
  await (await ask({ ...CHAT, temperature: 0.3 }, treated)).json()
  const [, ...tokenized] = upstream.requests.filter(({ path }) => path === '/tokenize')
  t.equal(tokenized.length, 3, 'each text is tokenized once for each model')
  const [sent] = upstream.requests.filter(({ path }) => path === '/v1/chat/completions')
  t.match(sent!.body, { ...CHAT, temperature: 0.3, return_token_ids: true, stream: true })
  const probe = upstream.requests.find(({ path, body }) => path === '/v1/completions' && !body.stream)!
  t.equal(probe.body.prompt.length, 4 + 32 + 4 + 'Final answer:'.length)
  t.match(probe.body, { max_tokens: 16, temperature: 0.3, skip_special_tokens: false, stop: ['\n'] })
  t.equal(await metric('stopgate_proxy_prefixes_total{kind="ids"}'), 1)
  const before = upstream.requests.length
  await (await ask(CHAT, treated)).json()
  t.equal(upstream.requests.slice(before).filter(({ path }) => path === '/tokenize').length, 0)
})

t.test('without the ids of all tokens there is no prefix to probe, and the reasoning goes on', async (t) => {
  for (const idsUntil of [0, 20]) {
    const { ask, metric, treated } = await startUnderTest(t, { idsUntil, confidence: () => 0.95 })
    t.match(await (await ask(CHAT, treated)).json(), { choices: [{ message: { content: '42' } }], stopgate: { stopped: false } })
    t.equal(await metric('stopgate_proxy_probes_total{end="ok"}'), 0)
    t.ok(await metric('stopgate_proxy_probes_total{end="failed"}') > 0)
  }
})

t.test('structured output is forced and answered under its grammar', async (t) => {
  const schema = { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } } }
  const { ask, upstream, treated } = await startUnderTest(t, { answer: '{"level": 4}', pauseAt: 40, confidence: () => 0.999 })
  const said = await (await ask({ ...CHAT, ...schema }, treated)).json()
  t.match(said, { choices: [{ message: { content: '{"level": 4}', reasoning: /^a thought/ } }], stopgate: { stopped: true } })
  const [probe, ...rest] = upstream.requests.filter(({ path }) => path === '/v1/completions').map(({ body }) => body)
  t.match([probe, rest.at(-1)], [{ ...schema, max_tokens: 256 }, { ...schema, stream: true }])
})

t.test('without a parser of the reasoning the grammar may hold in it, so nothing is probed', async (t) => {
  const { ask, upstream, treated } = await startUnderTest(t, { hasParser: false, confidence: () => 0.999 })
  const body = { ...CHAT, structured_outputs: { choice: ['42', '43'] } }
  t.match(await (await ask(body, treated)).json(), { stopgate: { arm: null, stopped: false } })
  t.notOk(upstream.requests.some(({ path }) => path === '/v1/completions'))
})

t.test('structured completions, stop strings, and tools that may be called are passed through', async (t) => {
  const { ask, metric } = await startUnderTest(t)
  await (await ask({ model: 'm', prompt: 'p<think>', response_format: { type: 'json_object' } }, {}, '/v1/completions')).text()
  await (await ask({ ...CHAT, stop: 'x' })).text()
  await (await ask({ ...CHAT, tools: [{}] })).text()
  for (const cause of ['structured_output', 'stop_strings', 'tools']) t.equal(await metric(`stopgate_proxy_passed_total{cause="${cause}"}`), 1, cause)
  t.match(await (await ask({ ...CHAT, tools: [{}], tool_choice: 'none' })).json(), { stopgate: { arm: 'control' } })
})

t.test('a value is loaded once for each model, and again after a failure', async (t) => {
  const loaded: string[] = []
  const get = cachePerModel(async (model) => {
    loaded.push(model)
    if (loaded.length === 1) throw new Error('away')
    return model
  })
  await t.rejects(get('a', []), DialectError)
  t.same(await Promise.all([get('a', []), get('a', []), get('b', [])]), ['a', 'a', 'b'])
  t.same(loaded, ['a', 'a', 'b'])
})
