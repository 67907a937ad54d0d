import t from 'tap'
import { OutcomeReporter } from '../../../src/proxy/service-link/outcome-reporter.js'
import { until } from '../../helper.js'
import { CHAT, eventsOf, startUnderTest } from '../proxy-under-test.js'

const OWNER = { owner: 'llamacpp' }
const REASONING = 'a thought of more than sixty-four characters, which a check may interrupt at thirty-two'
const TOOLS = { ...CHAT, tools: [{ type: 'function', function: { name: 'set_heat', parameters: { type: 'object' } } }] }
const callOf = (level: number, id = 'c1') => ({ id, type: 'function', function: { name: 'set_heat', arguments: `{"room": "hall", "level": ${level}}` } })
const CALLS = { ...OWNER, answer: JSON.stringify([callOf(42)]) }

t.test('a chat with tools that is not stopped is the stream of the model server', async (t) => {
  const { ask, upstream, metric } = await startUnderTest(t, CALLS)
  const body = { ...TOOLS, stream: true, temperature: 0.5, tool_choice: 'required' }
  const events = eventsOf(await (await ask(body)).text())
  t.equal(events.map(({ choices: [choice] }) => choice?.delta.reasoning_content ?? '').join(''), REASONING)
  t.match(events.flatMap(({ choices: [choice] }) => choice?.delta.tool_calls ?? []), [{ function: { name: 'set_heat' } }, { function: { arguments: '{"room": "hall", "level": 42}' } }])
  t.match(events.at(-1), { choices: [{ finish_reason: 'tool_calls' }], stopgate: { arm: 'control', stopped: false, tokens: REASONING.length + 3 } })
  t.ok(events.slice(0, -1).every((event) => event.timings === undefined), 'nothing is shown that the client did not ask for')
  const [own, ...probes] = upstream.requests.filter(({ path }) => path === '/v1/chat/completions')
  t.match(own!.body, body, "the client's request as it is")
  t.ok(probes.length >= 2)
  for (const { body: probe } of probes) {
    t.match(probe, { tools: TOOLS.tools, tool_choice: 'required', temperature: 0.5, max_tokens: 256, continue_final_message: 'content', add_generation_prompt: false })
    const { role, content, reasoning_content: thought } = probe.messages.at(-1)
    t.match({ role, content }, { role: 'assistant', content: '' })
    t.ok(REASONING.startsWith(thought))
  }
  t.equal(await metric('stopgate_proxy_probes_total{end="ok"}'), probes.length)
})

t.test('a stop has the model write its call, in one stream and in one reply', async (t) => {
  const outcomes: object[] = []
  t.intercept(OutcomeReporter.prototype, 'put', { value: (outcome: object) => { outcomes.push(outcome) } })
  const { ask, treated, upstream } = await startUnderTest(t, { ...CALLS, pauseAt: 40, confidence: () => 0.95 })
  const body = { ...TOOLS, stream: true, stream_options: { include_usage: true }, max_tokens: 300 }
  const events = eventsOf(await (await ask(body, treated)).text())
  t.match(events.flatMap(({ choices: [choice] }) => choice?.delta.tool_calls ?? []), [{ id: 'c1', function: { name: 'set_heat' } }, { function: { arguments: '{"room": "hall", "level": 42}' } }])
  t.equal(events.filter(({ choices: [choice] }) => choice?.delta.role).length, 1, 'one role')
  t.equal(new Set(events.map(({ id }) => id)).size, 1)
  t.match(events.at(-1), { usage: { prompt_tokens: 4, prompt_tokens_details: { cached_tokens: 3 } }, stopgate: { stopped: true } }, 'the usage of its own prompt')
  const whole = await (await ask(TOOLS, treated)).json() as any
  t.match(whole, {
    choices: [{ message: { content: '', reasoning_content: REASONING.slice(0, 32), tool_calls: [callOf(42)] }, finish_reason: 'tool_calls' }], stopgate: { stopped: true },
  })
  const [first] = upstream.requests.filter(({ body }) => body?.continue_final_message === 'content' && body.stream)
  t.match(first!.body, { max_tokens: 268, messages: [...TOOLS.messages, { reasoning_content: REASONING.slice(0, 32), content: '' }] })
  const answer = 'set_heat {"level":42,"room":"hall"}'
  t.match(outcomes, [{ stopped: true, answer, stopped_probe: { tokens: 32, answer } }, { stopped: true, answer }], 'the call that was served is the one that was probed')
})

t.test('a call is compared by its name and arguments, however it is written', async (t) => {
  const written = [{ ...callOf(42), function: { name: 'set_heat', arguments: '{"level":42.0,"room":"hall"}' } }]
  const { ask, service } = await startUnderTest(t, { ...CALLS, forcedAnswer: () => JSON.stringify(written) })
  const gold = JSON.stringify({ name: 'set_heat', arguments: { level: 42, room: 'hall' } })
  await (await ask(TOOLS, { 'x-stopgate-context': 'task=a', 'x-stopgate-gold': gold })).text()
  const learned = await until('it is learned', async () => {
    const { body } = await service.send('GET', '/v1/contexts/model=m,task=a')
    return body.follow_up?.accounted === 1 && body
  })
  t.match(learned, { em: { full: 1 } })
})

t.test('a call that does not end within its tokens is no answer', async (t) => {
  const many = JSON.stringify(Array.from({ length: 300 }, (_, i) => callOf(i, `c${i}`)))
  const script = { ...OWNER, answer: JSON.stringify([callOf(1)]), forcedAnswer: () => many, confidence: () => 0.9999 }
  const { ask, treated, metric } = await startUnderTest(t, script)
  t.match(await (await ask(TOOLS, treated)).json(), { stopgate: { arm: 'treated', stopped: false } })
  t.ok(await metric('stopgate_proxy_probes_total{end="unprobed"}') > 0)
})

t.test('the confidence of a call is the probability of all of it', async (t) => {
  const two = JSON.stringify([callOf(1), callOf(2, 'c2')])
  const { ask, treated } = await startUnderTest(t, { ...OWNER, answer: two, confidence: () => 0.94 })
  t.match(await (await ask(TOOLS, treated)).json(), { stopgate: { stopped: false } }, '0.94 * 0.94 is below 0.9')
})

t.test('structured output, stop strings and seeds go upstream with the reasoning, the probes and the answer', async (t) => {
  const { ask, treated, upstream } = await startUnderTest(t, { ...OWNER, answer: '{"level": 4}', pauseAt: 40, confidence: () => 0.999 })
  const format = { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } }
  t.match(await (await ask({ ...CHAT, response_format: format }, treated)).json(), {
    choices: [{ message: { content: '{"level": 4}' }, finish_reason: 'stop' }], stopgate: { stopped: true },
  })
  const of = (chats: typeof upstream.requests) => chats.filter(({ path }) => path === '/v1/chat/completions').map(({ body }) => body)
  t.ok(of(upstream.requests).length >= 3)
  t.ok(of(upstream.requests).every((body) => body.response_format.type === 'json_schema'))
  const before = upstream.requests.length
  const said = await (await ask({ ...CHAT, stop: ['zebra'], seed: 7 }, treated)).json()
  t.match(said, { choices: [{ message: { content: '{"level": 4}' } }], stopgate: { stopped: true } })
  const [own, probe, ...rest] = of(upstream.requests.slice(before))
  const answer = rest.at(-1)
  t.match([own, answer], [{ stop: ['zebra'], seed: 7 }, { stop: ['zebra'], seed: 7 }])
  t.match(probe, { stop: ['\n'], messages: [...CHAT.messages, { content: 'Final answer:' }] }, 'a text is forced in its form')
  t.equal(probe.seed, 7, 'drawn as its answer')
})

t.test('a server that does not continue messages is passed the request, with a cause', async (t) => {
  const { ask, metric } = await startUnderTest(t, { ...CALLS, isOldLlama: true })
  t.match(await (await ask(TOOLS)).json(), { choices: [{ message: { tool_calls: [callOf(42)] } }] })
  t.equal(await metric('stopgate_proxy_passed_total{cause="dialect"}'), 1)
})

t.test('a refused answer lets the reasoning go on', async (t) => {
  const { ask, treated, metric } = await startUnderTest(t, { ...CALLS, failAnswers: () => true, confidence: () => 0.95 })
  const said = await (await ask(TOOLS, treated)).json()
  t.match(said, { choices: [{ message: { reasoning_content: REASONING, tool_calls: [callOf(42)] } }], stopgate: { stopped: false } })
  t.ok(await metric('stopgate_proxy_failed_stops_total') > 0)
})
