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
  t.match(probe.body, { max_tokens: 16, temperature: 0, skip_special_tokens: false, stop: ['\n'] })
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
