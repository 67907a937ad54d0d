import { writeFile } from 'node:fs/promises'
import { get, request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { BundlePoll } from '../../src/proxy/service-link/bundle-poll.js'
import { temporaryFolder, until } from '../helper.js'
import { CHAT, eventsOf, startUnderTest, type UnderTest } from './proxy-under-test.js'

const REASONING = 'a thought of more than sixty-four characters, which a check may interrupt at thirty-two'

t.test('without a threshold the stream of the model server goes on, with a field about the generation in its last chunk', async (t) => {
  const { ask, metric, service, upstream } = await startUnderTest(t)
  const reply = await ask({ ...CHAT, stream: true }, { authorization: 'Bearer client', 'x-stopgate-gold': '42' })
  const events = eventsOf(await reply.text())
  t.equal(reply.headers.get('x-engine'), 'stand-in')
  const id = reply.headers.get('x-stopgate-generation')
  t.equal(events.map(({ choices: [{ delta }] }) => delta.reasoning ?? '').join(''), REASONING)
  t.equal(events.map(({ choices: [{ delta }] }) => delta.content ?? '').join(''), '42')
  t.match(events.at(-1), { choices: [{ finish_reason: 'stop' }], stopgate: { generation_id: id, arm: 'control', stopped: false, tokens: 89 } })
  t.notOk(JSON.stringify(events).includes('token_ids'), 'nothing is shown that the client did not ask for')
  t.ok(upstream.requests.every(({ headers }) => !Object.keys(headers).some((name) => name.startsWith('x-stopgate'))))
  t.ok(upstream.requests.every(({ headers }) => headers.authorization === 'Bearer client'))
  await until('the outcome is reported', async () => await metric('stopgate_proxy_reports_reported') === 1)
  const followUp = await until('it is learned', async () => {
    const { body } = await service.send('GET', '/v1/contexts/model=m,task=-')
    return body.follow_up?.accounted === 1 && body.follow_up
  })
  t.match(followUp, { enrolled: 1, left_out: 0, missing: 0 }, 'it was enrolled before')
})

t.test('the right answers of the operator precede the header of a client', async (t) => {
  const path = join(await temporaryFolder(t), 'gold.jsonl')
  await writeFile(path, JSON.stringify({ prompt: CHAT.messages[0]!.content, gold: '41' }))
  const { ask, service } = await startUnderTest(t, {}, { PROXY_GOLD: path })
  await (await ask()).text()
  await (await ask(CHAT, { 'x-stopgate-gold': '42', 'x-stopgate-context': 'task=stated' })).text()
  for (const [task, em] of [['-', 0], ['stated', 0]] as const) {
    const { em: { full } } = await until('it is learned', async () => {
      const { body } = await service.send('GET', `/v1/contexts/model=m,task=${task}`)
      return body.generations?.control === 1 && body
    })
    t.equal(full, em)
  }
})

t.test('a generation that names an unknown level is counted, and served without it', async (t) => {
  const { ask, metric, proxy } = await startUnderTest(t)
  const warned: unknown[] = []
  proxy.metrics.onUnknownLevels = (...levels) => { warned.push(levels) }
  t.match(await (await ask(CHAT, { 'x-stopgate-context': 'taks=gsm8k' })).json(), { stopgate: { arm: 'control' } })
  await ask(CHAT, { 'x-stopgate-context': 'task=gsm8k' })
  t.equal(await metric('stopgate_proxy_unknown_levels_total'), 1)
  t.same(warned, [[['taks'], ['model', 'task']]])
  await ask(CHAT, { 'x-stopgate-context': 'constructor=gsm8k' })
  t.equal(await metric('stopgate_proxy_unknown_levels_total'), 2, 'a name that every object has is unknown, too')
})

t.test('if the service goes away while the model server is detected, the unknown levels are still found', async (t) => {
  const { ask, proxy, metric } = await startUnderTest(t)
  const warned: unknown[] = []
  proxy.metrics.onUnknownLevels = (...levels) => { warned.push(levels) }
  const { snapshot } = BundlePoll.prototype
  t.teardown(() => { BundlePoll.prototype.snapshot = snapshot })
  proxy.metrics.requested = () => { BundlePoll.prototype.snapshot = () => null }
  t.match(await (await ask(CHAT, { 'x-stopgate-context': 'task=gsm8k,taks=gsm8k' })).json(), { stopgate: { stopped: false } })
  t.equal(await metric('stopgate_proxy_circuit_open'), 1)
  t.same(warned, [[['taks'], ['model', 'task']]])
})

t.test('a request that is passed through, or refused by the model server, is not counted for its unknown level', async (t) => {
  const refused = await startUnderTest(t)
  const body = { ...CHAT, messages: [{ role: 'user', content: 'refuse me' }] }
  t.equal((await refused.ask(body, { 'x-stopgate-context': 'taks=gsm8k' })).status, 400)
  t.equal(await refused.metric('stopgate_proxy_unknown_levels_total'), 0)
  const { ask, metric } = await startUnderTest(t, { owner: 'someone' })
  await (await ask(CHAT, { 'x-stopgate-context': 'taks=gsm8k' })).text()
  t.equal(await metric('stopgate_proxy_passed_total{cause="dialect"}'), 1)
  t.equal(await metric('stopgate_proxy_unknown_levels_total'), 0)
})

t.test('a reply that is not streamed is put together', async (t) => {
  const { ask } = await startUnderTest(t)
  const body = await (await ask()).json()
  t.match(body, {
    object: 'chat.completion',
    choices: [{ index: 0, message: { role: 'assistant', content: '42', reasoning: REASONING }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 4, completion_tokens: 90 },
    stopgate: { arm: 'control', stopped: false },
  })
})

t.test('at a threshold the reasoning is ended and the answer written, in one stream', async (t) => {
  const confidence = (characters: number) => characters === 32 ? 0.95 : 0.1
  const { ask, metric, upstream, treated } = await startUnderTest(t, { pauseAt: 40, confidence })
  const reply = await ask({ ...CHAT, stream: true, stream_options: { include_usage: true }, temperature: 0.7 }, treated)
  const events = eventsOf(await reply.text())
  t.equal(events.filter(({ choices: [choice] }) => choice?.delta.role).length, 1, 'one role')
  t.equal(events.filter(({ choices: [choice] }) => choice?.finish_reason).length, 1, 'one end')
  t.equal(new Set(events.map(({ id, object }) => id + object)).size, 1)
  const reasoning = events.map(({ choices: [choice] }) => choice?.delta.reasoning ?? '').join('')
  t.ok(REASONING.startsWith(reasoning) && reasoning.length >= 32 && reasoning.length <= 40)
  t.equal(events.map(({ choices: [choice] }) => choice?.delta.content ?? '').join(''), '42')
  const { usage, stopgate } = events.at(-1)
  const generated = 32 + stopgate.discarded_tokens
  t.ok(generated >= reasoning.length && generated <= 40, 'tokens that came while the answer was requested count, too')
  t.match(usage, { prompt_tokens: 4, completion_tokens: generated + 2, completion_tokens_details: { reasoning_tokens: generated } })
  t.match(stopgate, { arm: 'treated', stopped: true, tokens: generated + 2, threshold: 0.9, probe_tokens: 2 })
  const answer = upstream.requests.find(({ path, body }) => path === '/v1/completions' && body.stream)!
  t.equal(answer.body.temperature, 0.7, 'sampled as the client requested')
  t.same(answer.body.prompt, [1, 2, 3, 900, ...Buffer.from(REASONING.slice(0, 32) + '\n'), 901, 10, 10], "the engine's own tokens, up to the check")
  await until('the stream is ended upstream', () => upstream.aborted() === 1)
  t.equal(await metric('stopgate_proxy_generations_total{arm="treated",end="stopped"}'), 1)
  const sent = async (path: string) => await metric(`stopgate_proxy_upstream_requests_total{path="${path}"}`)
  t.equal(await sent('/v1/chat/completions'), 1, 'one request for the reasoning')
  t.equal(await sent('/v1/completions'), 1 + await metric('stopgate_proxy_probes_total{end="ok"}'), 'one for the answer, and the probes')
  const tokenized = await sent('/tokenize')
  await (await ask({ ...CHAT, stream: true }, treated)).text()
  t.equal(await sent('/tokenize'), tokenized, 'each text is tokenized once for each model')
})

t.test('a stop is also one reply, and one of completions', async (t) => {
  const { ask, treated } = await startUnderTest(t, { pauseAt: 40, confidence: () => 0.95 })
  t.match(await (await ask(CHAT, treated)).json(), {
    choices: [{ message: { content: '42', reasoning: REASONING.slice(0, 32) } }], stopgate: { stopped: true },
  }, 'without the reasoning that the answer does not follow')
  const body = { model: 'm', prompt: 'six times seven<think>', max_tokens: 200 }
  const { choices: [{ text }], stopgate, usage } = await (await ask(body, treated, '/v1/completions')).json() as any
  t.match(stopgate, { stopped: true })
  t.equal(text, `${REASONING.slice(0, 32)}\n</think>\n\n42`, 'the reasoning stands in the text')
  t.equal(usage.prompt_tokens, 16)
})

t.test('reasoning between tags is stopped as well', async (t) => {
  const { ask, treated } = await startUnderTest(t, { pauseAt: 40, confidence: () => 0.95, hasParser: false })
  const { choices: [{ message }] } = await (await ask(CHAT, treated)).json() as any
  t.equal(message.content, `${REASONING.slice(0, 32)}\n</think>\n\n42`)
})

t.test('a probe that fails, or an answer that is refused, lets the reasoning go on', async (t) => {
  for (const script of [{ failProbes: true }, { failAnswers: () => true, confidence: () => 0.95 }]) {
    const { ask, metric, treated } = await startUnderTest(t, script)
    t.match(await (await ask(CHAT, treated)).json(), { choices: [{ message: { content: '42', reasoning: REASONING } }], stopgate: { stopped: false } })
    t.ok(await metric('failProbes' in script ? 'stopgate_proxy_probes_total{end="failed"}' : 'stopgate_proxy_failed_stops_total') > 0)
  }
})

t.test('a client that goes away ends the upstream stream, and its generation is reported as cancelled', async (t) => {
  const { proxy, upstream, metric } = await startUnderTest(t, { pauseAt: 40 })
  const leaving = new AbortController()
  const reply = await fetch(proxy.url + '/v1/chat/completions', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...CHAT, stream: true }), signal: leaving.signal,
  })
  await reply.body!.getReader().read()
  await until('it is probed', async () => await metric('stopgate_proxy_probes_total{end="ok"}') === 1)
  leaving.abort()
  await until('the upstream notices', () => upstream.aborted() === 1)
  await until('it is reported', async () => await metric('stopgate_proxy_reports_reported') === 1)
  t.equal(await metric('stopgate_proxy_generations_total{arm="control",end="cancelled"}'), 1)
})

t.test('a request that cannot be served identically is passed through, and counted by cause', async (t) => {
  const { ask, metric, upstream } = await startUnderTest(t)
  const cases: Array<[string, object, Record<string, string>?]> = [
    ['off', CHAT, { 'x-stopgate': 'off' }],
    ['header', CHAT, { 'x-stopgate-context': 'nonsense' }],
    ['tools', { ...CHAT, tools: [{ type: 'function' }] }],
    ['stop_strings', { ...CHAT, stop: ['x'] }],
    ['grammar', { ...CHAT, grammar: 'root ::= "a"' }],
    ['several_samples', { ...CHAT, best_of: 2 }],
    ['unknown_field', { ...CHAT, xyz: 1 }],
    ['body', { ...CHAT, messages: [] }],
  ]
  for (const [cause, body, headers] of cases) {
    const reply = await ask(body, headers)
    const text = await reply.text()
    t.notOk(text.includes('stopgate'), cause)
    t.equal(await metric(`stopgate_proxy_passed_total{cause="${cause}"}`), 1, cause)
    t.same(upstream.requests.at(-1)!.body, body, 'the body is as it was')
  }
})

t.test('a field about the handling of a request goes upstream with its probes and its answer', async (t) => {
  const { ask, treated, upstream } = await startUnderTest(t, { pauseAt: 40, confidence: () => 0.95 })
  const body = { ...CHAT, priority: 2, cache_salt: 'mine', presence_penalty: 1.5, logit_bias: {}, min_tokens: 0 }
  t.match(await (await ask(body, treated)).json(), { stopgate: { stopped: true } })
  const sent = upstream.requests.filter(({ path }) => path.endsWith('completions')).map(({ body }) => body)
  t.ok(sent.length >= 3 && sent.every(({ priority, cache_salt: salt }) => priority === 2 && salt === 'mine'))
  t.match(sent.at(-1), { stream: true, presence_penalty: 1.5 }, 'the answer is sampled as the client requested')
})

t.test('a chat whose earlier turns have calls is served', async (t) => {
  const { ask } = await startUnderTest(t)
  const messages = [...CHAT.messages, { role: 'assistant', content: null, tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }] }, { role: 'tool', tool_call_id: 'c', content: '42' }]
  t.match(await (await ask({ ...CHAT, messages })).json(), { stopgate: { arm: 'control' } })
})

t.test('errors of the model server are passed on', async (t) => {
  const { ask } = await startUnderTest(t)
  const refused = await ask({ ...CHAT, messages: [{ role: 'user', content: 'refuse me' }] })
  t.equal(refused.status, 400)
  t.same(await refused.json(), { error: { message: 'refused' } })
})

t.test('only the routes for inference, and those that the operator opens, reach the model server', async (t) => {
  const closed = [
    'POST /flush_cache', 'GET /flush_cache', 'POST /update_weights_from_disk', 'POST /abort_request', 'POST /reset_prefix_cache', 'POST /v1/load_lora_adapter',
    'POST /props', 'GET /slots', 'POST /slots/0?action=erase', 'DELETE /api/delete', 'POST /models/unload', 'DELETE /v1/models/m', 'GET /metrics', 'GET /nowhere',
    'POST //flush_cache', 'POST /%66lush_cache', 'POST /v1/chat/completions/../../flush_cache', 'POST http://elsewhere/flush_cache', 'PUT /echo',
  ]
  const open = ['GET /v1/models?a=b', 'GET /v1/models/Qwen/Qwen3-8B', 'HEAD /health', 'POST /tokenize', 'POST /apply-template', 'POST /generate', 'POST /api/chat', 'OPTIONS /v1/messages']
  const { proxy, upstream } = await startUnderTest(t)
  const send = async ({ url }: Pick<UnderTest['proxy'], 'url'>, line: string) => await new Promise<{ status: number, text: string }>((resolve) => {
    const [method, path] = line.split(' ')
    request({ port: new URL(url).port, method, path, headers: { 'content-length': 0 } }, (message) => {
      let text = ''
      message.on('data', (part) => { text += part }).on('end', () => { resolve({ status: message.statusCode!, text }) })
    }).end()
  })
  const reached = () => upstream.requests.splice(0).map(({ path }) => path)
  for (const line of closed) {
    const { status, text } = await send(proxy, line)
    t.match([status, text], line.includes('..') ? [400, /path_not_allowed/] : [404, /--routes.*route_not_open/], line)
  }
  t.same(reached(), [])
  for (const line of open) t.notMatch((await send(proxy, line)).text, /route_not_open/, line)
  t.same(reached(), open.map((line) => line.split(' ')[1]))

  const opened = await startUnderTest(t, {}, { PROXY_ROUTES: '/echo, /v1/audio/*' })
  const sent = Buffer.from([0, 255, 1, 254])
  const echoed = await fetch(opened.proxy.url + '/echo', { method: 'PUT', body: sent, headers: { 'content-type': 'application/x-bytes' } })
  t.same(Buffer.from(await echoed.arrayBuffer()), sent)
  t.notMatch((await send(opened.proxy, 'POST /v1/audio/transcriptions')).text, /route_not_open/)
  t.equal((await send(opened.proxy, 'POST /echo/more')).status, 404, 'a path without * is that path')
  const all = await startUnderTest(t, {}, { PROXY_ROUTES: '*' })
  t.notMatch((await send(all.proxy, 'POST /flush_cache')).text, /route_not_open/)
})

t.test('without the service everything is passed through', async (t) => {
  const { ask, metric } = await startUnderTest(t, {}, { PROXY_SERVICE: 'http://127.0.0.1:9' })
  t.notOk('stopgate' in (await (await ask()).json() as object))
  t.equal(await metric('stopgate_proxy_passed_total{cause="service_away"}'), 1)
})

t.test('if the model server is away, the client gets an error', async (t) => {
  const { ask } = await startUnderTest(t, {}, { PROXY_UPSTREAM: 'http://127.0.0.1:9' })
  const reply = await ask()
  t.equal(reply.status, 502)
  t.match(await reply.json(), { error: { message: /^stopgate proxy: the model server can't be reached/, code: 'upstream_unreachable' } })
})

t.test('a body that is too long is passed through', async (t) => {
  const { ask, metric, upstream } = await startUnderTest(t, {}, { PROXY_MAX_BODY_BYTES: '1024' })
  const body = { ...CHAT, messages: [{ role: 'user', content: 'x'.repeat(100_000) }] }
  t.equal((await ask(body)).status, 200)
  t.same(upstream.requests.at(-1)!.body, body)
  t.equal(await metric('stopgate_proxy_passed_total{cause="body"}'), 1)
})

t.test('a request target with scheme and host goes upstream without them', async (t) => {
  const { proxy, upstream } = await startUnderTest(t)
  const { port } = new URL(proxy.url)
  for (const target of ['http://elsewhere/v1/models?a=b', '/v1/models?a=b']) {
    const status = await new Promise((resolve) => {
      request({ port, path: target }, (message) => { message.resume().on('end', () => { resolve(message.statusCode) }) }).end()
    })
    t.equal(status, 200)
    t.match(upstream.requests.at(-1), { path: '/v1/models?a=b' })
  }
})

t.test('on any address, only the names of this machine and of PROXY_ALLOWED_HOSTS are answered', async (t) => {
  const statusFor = async ({ proxy }: Pick<UnderTest, 'proxy'>, host: string) => await new Promise<number>((resolve, reject) => {
    get(`${proxy.url}/v1/models`, { headers: { host } }, (reply) => { reply.resume(); resolve(reply.statusCode!) }).on('error', reject)
  })
  const local = await startUnderTest(t, {}, { PROXY_ALLOWED_HOSTS: 'models.internal' })
  t.equal(await statusFor(local, 'models.internal'), 200)
  t.equal(await statusFor(local, 'localhost:8081'), 200)
  t.equal(await statusFor(local, 'evil.example:8081'), 403)
  t.equal(local.upstream.requests.filter(({ path }) => path === '/v1/models').length, 2, 'nothing of it reaches the model server')
  for (const [allowed, status] of [['', 403], ['*', 200]] as const) {
    const { proxy } = await startUnderTest(t, {}, { PROXY_HOST: '0.0.0.0', PROXY_ALLOWED_HOSTS: allowed })
    t.equal(await statusFor({ proxy: { ...proxy, url: proxy.url.replace('0.0.0.0', '127.0.0.1') } }, 'models.example'), status)
  }
})

t.test('probes and answers have request ids of their own', async (t) => {
  const { ask, treated, upstream } = await startUnderTest(t)
  await (await ask({ ...CHAT, stream: true }, { ...treated, 'x-request-id': 'mine' })).text()
  const ids = upstream.requests.filter(({ path }) => path.endsWith('completions')).map(({ headers }) => String(headers['x-request-id']))
  t.ok(ids.length >= 3, 'the reasoning, a probe and the answer')
  t.equal(new Set(ids).size, ids.length)
  t.equal(ids[0], 'mine')
  t.ok(ids.every((id) => id.startsWith('mine')))
})

t.test('a body that is nested deeply is refused, and the model server gets none of it', async (t) => {
  const { metric, proxy, upstream } = await startUnderTest(t)
  const body = `{"model":"m","messages":${'['.repeat(40_000)}${']'.repeat(40_000)}}`
  const reply = await fetch(`${proxy.url}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  t.equal(reply.status, 400)
  t.match(await reply.json(), { error: { code: 'body_too_complex', message: /levels/ } })
  t.notOk(upstream.requests.some(({ path }) => path.endsWith('completions')))
  t.equal(await metric('stopgate_proxy_refused_total'), 1)
})
