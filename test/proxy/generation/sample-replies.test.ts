import { EventEmitter } from 'node:events'
import t from 'tap'
import { sampleReplies } from '../../../src/proxy/generation/sample-replies.js'
import { OutcomeReporter } from '../../../src/proxy/service-link/outcome-reporter.js'
import { until } from '../../helper.js'
import { CHAT, eventsOf, startUnderTest } from '../proxy-under-test.js'

const REASONING = 'a thought of more than sixty-four characters, which a check may interrupt at thirty-two'
const SAMPLED = { ...CHAT, n: 3, seed: 5 }

t.test('samples are generations of one group, and one reply', async (t) => {
  const outcomes: any[] = []
  t.intercept(OutcomeReporter.prototype, 'put', { value: (outcome: object) => { outcomes.push(outcome) } })
  const { ask, upstream } = await startUnderTest(t)
  const reply = await ask(SAMPLED)
  const { choices, usage, stopgate } = await reply.json() as any
  t.match(choices, [0, 1, 2].map((index) => ({ index, message: { content: '42', reasoning: REASONING }, finish_reason: 'stop' })))
  t.match(usage, { prompt_tokens: 4, completion_tokens: 3 * 90, total_tokens: 4 + 3 * 90 }, 'the prompt counts once')
  const id = reply.headers.get('x-stopgate-generation')!
  t.match(stopgate, { samples: [id, `${id}-1`, `${id}-2`].map((generation_id) => ({ generation_id, stopped: false, arm: 'control' })) })
  const own = upstream.requests.filter(({ path, body }) => path === '/v1/chat/completions' && body.stream)
  t.same(own.map(({ body }) => body.seed), [5, 6, 7], 'as the engine seeds them')
  t.ok(own.every(({ body }) => !('n' in body)))
  await until('all are reported', () => outcomes.length === 3)
  t.ok(outcomes.every(({ group_id: group, samples }) => group === id && samples === 3))
})

t.test('a stream has the chunks of all samples, each with its index, and ends once', async (t) => {
  const { ask } = await startUnderTest(t)
  for (const wantsUsage of [true, false]) {
    const options = wantsUsage ? { stream_options: { include_usage: true } } : {}
    const events = eventsOf(await (await ask({ ...SAMPLED, stream: true, ...options })).text())
    for (const index of [0, 1, 2]) {
      const own = events.flatMap(({ choices }) => choices.filter((choice: any) => choice.index === index))
      t.equal(own.map(({ delta }) => delta.reasoning ?? '').join(''), REASONING)
      t.equal(own.map(({ delta }) => delta.content ?? '').join(''), '42')
      t.same(own.filter(({ finish_reason: finish }) => finish !== null).map(({ finish_reason: finish }) => finish), ['stop'])
    }
    t.equal(new Set(events.map(({ id }) => id)).size, 1)
    t.equal(events.filter(({ stopgate }) => stopgate !== undefined).length, 1)
    t.match(events.at(-1), { stopgate: { samples: { length: 3 } }, ...(wantsUsage && { choices: [], usage: { completion_tokens: 270 } }) })
    t.equal(events.filter(({ usage }) => usage != null).length, wantsUsage ? 1 : 0)
  }
})

t.test('all samples of a treated group can be stopped, in one reply and in a stream', async (t) => {
  // A control group would wait for ever: the engine pauses until it is stopped.
  const { ask, treated } = await startUnderTest(t, { pauseAt: 40, confidence: () => 0.95 })
  const textOf = async (body: object) => await (await ask(body, { ...treated, 'x-stopgate-samples': '3' })).text()
  const { choices, stopgate, usage } = JSON.parse(await textOf(SAMPLED))
  t.match(choices, [0, 1, 2].map((index) => ({ index, message: { content: '42', reasoning: REASONING.slice(0, 32) } })))
  t.ok(stopgate.samples.every(({ stopped }: any) => stopped))
  t.equal(usage.completion_tokens, stopgate.samples.reduce((sum: number, { tokens }: any) => sum + tokens, 0))
  const events = eventsOf(await textOf({ ...SAMPLED, stream: true }))
  for (const index of [0, 1, 2]) {
    const own = events.flatMap(({ choices }) => choices.filter((choice: any) => choice.index === index))
    t.equal(own.map(({ delta }) => delta.content ?? '').join(''), '42')
    t.equal(own.filter(({ finish_reason: finish }) => finish !== null).length, 1)
  }
})

t.test('a group that the client names has the number of samples that it states', async (t) => {
  const outcomes: any[] = []
  t.intercept(OutcomeReporter.prototype, 'put', { value: (outcome: object) => { outcomes.push(outcome) } })
  const { ask } = await startUnderTest(t)
  await (await ask({ ...CHAT, n: 2 }, { 'x-stopgate-group': 'mine', 'x-stopgate-samples': '4' })).text()
  await until('both are reported', () => outcomes.length === 2)
  t.ok(outcomes.every(({ group_id: group, samples }) => group === 'mine' && samples === 4))
})

t.test('if the engine refuses one sample, the client gets its error', async (t) => {
  const { ask } = await startUnderTest(t)
  const reply = await ask({ ...SAMPLED, messages: [{ role: 'user', content: 'refuse me' }] })
  t.equal(reply.status, 400)
  t.same(await reply.json(), { error: { message: 'refused' } })
})

t.test('if one sample breaks off, the reply does, and the others are ended', async (t) => {
  for (const stream of [true, false]) {
    const { ask, metric, upstream } = await startUnderTest(t, { owner: 'llamacpp', failContinuations: true })
    await t.rejects(ask({ ...CHAT, n: 2, stream }).then(async (reply) => await reply.text()))
    await until('both have ended', async () => await metric('stopgate_proxy_generations_total{arm="control",end="broken"}') === 2)
    t.ok(upstream.requests.length > 0)
  }
})

t.test('samples that wait for a slow client share its events', async (t) => {
  const response = Object.assign(new EventEmitter(), { writeHead: () => response, writableNeedDrain: true })
  const request = { route: 'chat', wantsUsage: false, isStream: true, choices: 32 } as const
  const replies = sampleReplies({
    request, response: response as any, headers: [], format: { reasoningField: 'reasoning', emptyContent: null }, onFailed: () => {},
  })
  const waiting = Promise.all(replies.map((reply) => reply.drained()))
  t.same([response.listenerCount('drain'), response.listenerCount('close')], [1, 1])
  response.emit('drain')
  await waiting
  t.same([response.listenerCount('drain'), response.listenerCount('close')], [0, 0])
})

t.test('samples that vLLM would refuse, or nobody could count, are passed through', async (t) => {
  const { ask, metric } = await startUnderTest(t)
  for (const more of [{ n: 3, temperature: 0 }, { n: 1000 }, { n: 0 }, { n: 'two' }]) await (await ask({ ...CHAT, ...more })).text()
  t.equal(await metric('stopgate_proxy_passed_total{cause="several_samples"}'), 4)
})
