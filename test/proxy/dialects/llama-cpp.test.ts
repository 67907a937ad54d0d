import t from 'tap'
import { probeStyle } from '../../../src/proxy/dialects/forced-answer.js'
import { parseForcedAnswer } from '../../../src/proxy/dialects/llama-cpp.js'
import { CHAT, eventsOf, startUnderTest } from '../proxy-under-test.js'

const OWNER = { owner: 'llamacpp' }
const REASONING = 'a thought of more than sixty-four characters, which a check may interrupt at thirty-two'

t.test('the reasoning is generated up to each check, on the engine\'s own tokens', async (t) => {
  const { ask, upstream } = await startUnderTest(t, OWNER)
  const events = eventsOf(await (await ask({ ...CHAT, stream: true, stream_options: { include_usage: true } })).text())
  t.equal(events.map(({ choices: [choice] }) => choice?.delta.reasoning_content ?? '').join(''), REASONING)
  t.equal(events.map(({ choices: [choice] }) => choice?.delta.content ?? '').join(''), '42')
  t.equal(events.filter(({ choices: [choice] }) => choice?.finish_reason === 'stop').length, 1)
  t.match(events.at(-1), { usage: { completion_tokens: 90 }, stopgate: { arm: 'control', probe_tokens: 4 } })
  const chunks = upstream.requests.filter(({ path, body }) => path === '/completion' && body.stream)
  t.same(chunks.map(({ body }) => body.n_predict), [32, 32, 32], 'the last has the end of the reasoning and the answer in it')
  t.equal(chunks[1]!.body.prompt.length, 1 + 32)
  t.equal(upstream.connections(), 2 + chunks.length, 'two for JSON, and one for each stream')
})

t.test('a stop has the answer written behind the tokens so far', async (t) => {
  const { ask, treated, upstream } = await startUnderTest(t, { ...OWNER, confidence: () => 0.95 })
  t.match(await (await ask(CHAT, treated)).json(), {
    choices: [{ message: { content: '42', reasoning_content: REASONING.slice(0, 32) } }],
    usage: { completion_tokens: 34, prompt_tokens_details: { cached_tokens: 5 }, completion_tokens_details: { reasoning_tokens: 32 } },
    stopgate: { stopped: true },
  })
  t.same([upstream.connections(), upstream.aborted()], [2 + 2, 0], 'the first stream had its tokens, so it is not aborted')
})

t.test('if the answer or a probe is refused, the reasoning goes on', async (t) => {
  for (const script of [{ failAnswers: () => true, confidence: () => 0.95 }, { failProbes: true }]) {
    const { ask, treated } = await startUnderTest(t, { ...OWNER, ...script })
    t.match(await (await ask(CHAT, treated)).json(), { choices: [{ message: { content: '42', reasoning_content: REASONING } }], stopgate: { stopped: false } })
  }
})

t.test('a limit of tokens ends it', async (t) => {
  const { ask } = await startUnderTest(t, OWNER)
  t.match(await (await ask({ ...CHAT, max_tokens: 40 })).json(), { choices: [{ finish_reason: 'length' }], usage: { completion_tokens: 40 } })
  t.match(await (await ask({ model: 'm', prompt: 'p<think>', max_tokens: 200 }, {}, '/v1/completions')).json(), { choices: [{ text: `${REASONING}</think>42` }] })
})

t.test('a completion with a stop string or a seed is one stream, and its answer obeys them', async (t) => {
  const { ask, treated, upstream } = await startUnderTest(t, { ...OWNER, pauseAt: 40, confidence: () => 0.95 })
  const body = { model: 'm', prompt: 'p<think>', max_tokens: 200, stop: ['zebra'], seed: 5 }
  t.match(await (await ask(body, treated, '/v1/completions')).json(), { choices: [{ text: `${REASONING.slice(0, 32)}\n</think>\n\n42` }], stopgate: { stopped: true } })
  const streams = upstream.requests.filter(({ path, body }) => path === '/v1/completions' && body.stream)
  t.match(streams.map(({ body }) => body), [{ stop: ['zebra'], seed: 5 }, { stop: ['zebra'], seed: 5 }], 'the reasoning and the answer')
})

t.test('completions that need more are passed through', async (t) => {
  const { ask, metric } = await startUnderTest(t, OWNER)
  await (await ask({ model: 'm', prompt: [1, 2], seed: 1 }, {}, '/v1/completions')).text()
  t.equal(await metric('stopgate_proxy_passed_total{cause="seed"}'), 1, 'token ids and a seed')
  await (await ask({ model: 'm', prompt: 'p', json_schema: { type: 'object' } }, {}, '/v1/completions')).text()
  t.equal(await metric('stopgate_proxy_passed_total{cause="structured_output"}'), 1)
})

t.test('if the server refuses to continue the reasoning, the stream breaks off rather than retrying forever', async (t) => {
  const { ask, upstream, metric } = await startUnderTest(t, { ...OWNER, failContinuations: true })
  await t.rejects(ask({ ...CHAT, stream: true }).then(async (reply) => await reply.text()))
  t.equal(upstream.requests.filter(({ path, body }) => path === '/completion' && body.stream).length, 2)
  t.equal(await metric('stopgate_proxy_generations_total{arm="control",end="broken"}'), 1)
  t.equal(await metric('stopgate_proxy_upstream_aborts_total{cause="client"}'), 0, 'the client did not leave')
})

t.test('of a boxed answer the closing brace counts, and nothing after it', async (t) => {
  const { stops } = probeStyle('boxed')
  const reply = (...tokens: ReadonlyArray<readonly [string, number]>) => ({
    content: tokens.map(([token]) => token).join(''),
    tokens_predicted: tokens.length,
    completion_probabilities: tokens.map(([token, logprob]) => ({ token, logprob })),
  })
  t.strictSame(parseForcedAnswer(stops, reply(['9', -0.01], ['}.', -0.7], [' So', -3])).logprobs, [-0.01, -0.7])
  t.strictSame(parseForcedAnswer(stops, reply(['9', -0.01], ['}', -0.7], ['$', -0.2], [' is', -3])).logprobs, [-0.01, -0.7, -0.2])
  t.strictSame(parseForcedAnswer(stops, reply(['4', -0.1], ['2', -0.2])).logprobs, [-0.1, -0.2], 'it reached its limit')
})
