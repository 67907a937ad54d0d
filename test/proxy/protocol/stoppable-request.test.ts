import t from 'tap'
import { PASS_CAUSES, readStoppableRequest, samplesOf, stopsInClosing, unknownField, type StoppableRequest } from '../../../src/proxy/protocol/stoppable-request.js'
import { readStopgateHeaders } from '../../../src/proxy/protocol/stopgate-headers.js'

const NO_HEADERS = readStopgateHeaders({})
const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hello' }] }
const chat = (more: object, headers = NO_HEADERS, now = 0) => readStoppableRequest('chat', '/v1/chat/completions', { ...CHAT, ...more }, headers, now)
const completions = (body: object) => readStoppableRequest('completions', '/v1/completions', { model: 'm', ...body }, NO_HEADERS, 0)

t.test('a request for one generation is read', async (t) => {
  const headers = readStopgateHeaders({ 'x-stopgate-context': 'lang=en', 'x-stopgate-gold': '42' })
  t.match(chat({ stream: true, stream_options: { include_usage: true }, max_completion_tokens: 9, metadata: { task: 'a', lang: 'de' } }, headers), {
    model: 'm', isStream: true, wantsUsage: true, maxTokens: 9, context: { model: 'm', task: 'a', lang: 'en' }, group: null, samples: null, gold: '42',
  })
  t.match(chat({}), { isStream: false, wantsUsage: false, maxTokens: null, gold: null })
  t.match(completions({ prompt: [1, 2] }), { maxTokens: 16 })
})

t.test('requests with the same prompt have the same hash for half an hour, and a group if the client names one', async (t) => {
  const hash = (more: object, headers = NO_HEADERS, now = 0) => (chat(more, headers, now) as StoppableRequest).prompt
  t.equal(hash({}, NO_HEADERS, 1_799_999), hash({}))
  t.not(hash({}, NO_HEADERS, 1_800_000), hash({}))
  t.equal(hash({ temperature: 1 }), hash({}))
  t.not(hash({ messages: [{ role: 'user', content: 'other' }] }), hash({}))
  t.match(chat({}, readStopgateHeaders({ 'x-stopgate-group': 'g', 'x-stopgate-samples': '4' })), { group: 'g', samples: 4 })
  t.match(chat({}, readStopgateHeaders({ 'x-stopgate-group': 'g' })), { group: 'g', samples: null })
})

t.test('a request that cannot be served identically has a cause', async (t) => {
  t.equal(chat({ best_of: 2 }), 'several_samples')
  t.equal(chat({ n: 129 }), 'several_samples')
  t.equal(chat({ functions: [{}] }), 'tools')
  t.equal(chat({ guided_regex: 'a' }), 'structured_output')
  t.equal(chat({ grammar: 'root ::= "a"' }), 'grammar')
  t.equal(chat({ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }), 'media')
  t.equal(chat({ logprobs: true }), 'logprobs')
  t.equal(chat({ made_up: 1 }), 'unknown_field')
  t.equal(chat({ stream_options: { include_usage: true, other: 1 } }), 'unknown_field')
  t.equal(chat({ messages: 'hello' }), 'body')
  t.equal(chat({ messages: [null] }), 'body')
  t.equal(completions({ prompt: ['a', 'b'] }), 'prompt_list')
  t.equal(completions({ prompt: 'a', echo: true }), 'echo')
  t.equal(chat({ logit_bias: { 7: -100 } }), 'closing', 'it may ban the closing tag')
  t.equal(chat({ min_tokens: 30 }), 'unknown_field', 'its answer would have to make up for the reasoning')
})

t.test('a stop string that may occur in the closing text is found', async (t) => {
  const closing = '\n</think>\n\n'
  for (const stop of ['</think>', '\n', 'think', 'done.\n</think>', '</think>\n\nThe', '\n\nThe', 'end\n', ['x', '</think>']]) t.ok(stopsInClosing({ stop }, closing), JSON.stringify(stop))
  for (const stop of ['', 'boxed', 'The answer', 'x\ny', '<think>', null, undefined, ['x', 7]]) t.notOk(stopsInClosing({ stop }, closing), JSON.stringify(stop))
})

t.test('a field that requests nothing keeps no request from being stopped', async (t) => {
  const known = { n: 1, tools: [], stop: null, logprobs: false, response_format: { type: 'text' }, tool_choice: 'none', parallel_tool_calls: true }
  const unknown = { made_up: null, other: {}, third: [], fourth: '', skip_special_tokens: true, ignore_eos: false, min_tokens: 0 }
  const harmless = { priority: 3, cache_salt: 'a', logit_bias: {}, request_id: 'r', stream_options: { continuous_usage_stats: false } }
  t.match(chat({ ...known, ...unknown, ...harmless }), { needs: [], isAction: false })
  t.equal(unknownField('chat', { ...CHAT, ...unknown, skip_special_tokens: false }), 'skip_special_tokens')
  t.equal(unknownField('chat', { ...CHAT, stream_options: { other: 1 } }), 'stream_options.other')
  t.equal(unknownField('completions', { messages: [{}] }), 'messages')
})

t.test('a feature that only some dialects serve is a need of the request', async (t) => {
  t.match(chat({ tools: [{}] }), { needs: ['tools'], isAction: true })
  t.match(chat({ tool_choice: 'auto' }), { needs: [], isAction: false }, 'there are none to choose')
  t.match(chat({ tools: [{}], tool_choice: 'none' }), { needs: ['tools'], isAction: false })
  t.match(chat({ response_format: { type: 'json_object' } }), { needs: ['structured_output'], isAction: true })
  t.match(chat({ json_schema: { type: 'object' } }), { needs: ['structured_output'], isAction: true })
  t.match(chat({ stop: ['x'], seed: 1 }), { needs: ['stop_strings', 'seed'], isAction: false })
  t.match(chat({ n: 2 }), { needs: ['several_samples'], choices: 2 })
  t.match(chat({ seed: 1, temperature: 0 }), { needs: [] }, 'a greedy request has no use for its seed')
  t.match(chat({ messages: [{ role: 'assistant', tool_calls: [{}] }, { role: 'tool', content: '' }] }), { needs: [], isAction: false }, 'earlier calls are messages')
})

t.test('the right answer of an action is stated as a call', async (t) => {
  const headers = readStopgateHeaders({ 'x-stopgate-gold': '{"name":"f","arguments":{"b":1,"a":2}}' })
  t.match(chat({ tools: [{}] }, headers), { gold: 'f {"a":2,"b":1}' })
  t.match(chat({ json_schema: { type: 'object' } }, headers), { gold: '{"arguments":{"a":2,"b":1},"name":"f"}' }, 'without tools it is an object')
  t.match(chat({}, headers), { gold: '{"name":"f","arguments":{"b":1,"a":2}}' })
})

t.test('an empty schema requests structured output, which is any JSON value', async (t) => {
  t.match(chat({ json_schema: {} }), { needs: ['structured_output'], isAction: true })
  t.match(chat({ response_format: { type: 'json_object', schema: {} } }), { needs: ['structured_output'], isAction: true })
  t.match(chat({ response_format: { type: 'json_schema', json_schema: {} } }), { needs: ['structured_output'], isAction: true })
  t.match(chat({ response_format: {} }), { needs: [], isAction: false }, 'a format without a type is none')
  t.equal(chat({ guided_json: {} }), 'structured_output')
})

t.test('each sample has a seed and a request id of its own', async (t) => {
  const bodies = (more: object) => samplesOf(chat({ n: 3, ...more }) as StoppableRequest, 'g').map(({ body: { seed, request_id: id } }) => [seed, id])
  t.same(bodies({ seed: 5, request_id: 'r' }), [[5, 'r'], [6, 'r-1'], [7, 'r-2']])
  t.same(bodies({ seed: -1 }), [[undefined, undefined], [undefined, undefined], [undefined, undefined]], 'at random, as the client asked')
  t.same(bodies({ seed: 0xFFFFFFFF }).map(([seed]) => seed), [undefined, undefined, undefined])
  t.match(chat({ seed: -1 }), { needs: [], body: { seed: -1 } })
})

t.test('no cause is listed twice', async (t) => {
  t.equal(new Set(PASS_CAUSES).size, PASS_CAUSES.length)
})
