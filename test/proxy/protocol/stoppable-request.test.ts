import t from 'tap'
import { PASS_CAUSES, readStoppableRequest, type StoppableRequest } from '../../../src/proxy/protocol/stoppable-request.js'
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
  t.equal(chat({ tools: [{}] }), 'tools')
  t.equal(chat({ messages: [{ role: 'tool', content: '' }] }), 'tools')
  t.equal(chat({ n: 2 }), 'several_samples')
  t.equal(chat({ response_format: { type: 'json_object' } }), 'structured_output')
  t.equal(chat({ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }), 'media')
  t.equal(chat({ logprobs: true }), 'logprobs')
  t.equal(chat({ stop: ['x'] }), 'stop_strings')
  t.equal(chat({ made_up: 1 }), 'unknown_field')
  t.equal(chat({ stream_options: { include_usage: true, other: 1 } }), 'unknown_field')
  t.equal(chat({ messages: 'hello' }), 'body')
  t.equal(chat({ messages: [null] }), 'body')
  t.equal(completions({ prompt: ['a', 'b'] }), 'prompt_list')
  t.equal(completions({ prompt: 'a', echo: true }), 'echo')
  const asksForNothing = { n: 1, tools: [], stop: null, logprobs: false, response_format: { type: 'text' }, tool_choice: 'none' }
  t.type(chat(asksForNothing), 'object')
})

t.test('no cause is listed twice', async (t) => {
  t.equal(new Set(PASS_CAUSES).size, PASS_CAUSES.length)
})
