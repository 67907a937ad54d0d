import OpenAI from 'openai'
import t from 'tap'
import { startUnderTest } from './proxy-under-test.js'

const MESSAGES = [{ role: 'user' as const, content: 'what is six times seven?' }]

t.test("OpenAI's client for Node needs only another base URL", async (t) => {
  const { proxy, treated, upstream, metric } = await startUnderTest(t, { pauseAt: 40, confidence: () => 0.95 })
  const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: 'secret', defaultHeaders: treated, maxRetries: 0 })
  const stream = client.chat.completions.stream({ model: 'm', messages: MESSAGES, stream_options: { include_usage: true } })
  const { choices: [choice], usage } = await stream.finalChatCompletion()
  t.match(choice, { finish_reason: 'stop', message: { role: 'assistant', content: '42' } })
  t.ok(usage!.completion_tokens >= 34)
  const reply = await client.chat.completions.create({ model: 'm', messages: MESSAGES })
  t.equal(reply.choices[0]!.message.content, '42')
  t.match((await client.models.list()).data, [{ id: 'm' }])
  t.equal(upstream.requests.find(({ path }) => path === '/v1/chat/completions')!.headers.authorization, 'Bearer secret')
  t.equal(await metric('stopgate_proxy_generations_total{arm="treated",end="stopped"}'), 2)
})

t.test('an error of the model server is the client\'s error', async (t) => {
  const { proxy } = await startUnderTest(t)
  const client = new OpenAI({ baseURL: `${proxy.url}/v1`, apiKey: 'secret', maxRetries: 0 })
  await t.rejects(client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'refuse me' }] }), { name: 'Error', message: /refused/ })
})
