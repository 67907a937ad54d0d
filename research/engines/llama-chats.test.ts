import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { eventsOf, startUnderTest } from '../../test/proxy/proxy-under-test.js'
import { lacksEngine, MODELS, PYTHON } from './start-engine.js'

const skip = lacksEngine('llama.cpp') ?? false
if (skip !== false) console.error(`SKIPPED: chats with tools in llama.cpp: ${skip}`)

const LEVEL = { type: 'object', properties: { room: { type: 'string' }, level: { type: 'integer' } } }
const TOOLS = ['set_light', 'set_heat'].map((name) => ({ type: 'function', function: { name, parameters: LEVEL } }))
const QUESTIONS = [['heat hall 437: a8 b5 c2', 'hall', 452], ['light attic 120: a4 b9 c1', 'attic', 134], ['heat bath 381: a3 b3 c7', 'bath', 394]] as const
const FREE = { 'x-stopgate-context': 'task=free' }

const chatOf = (content: string) => ({ model: 'reasoner', messages: [{ role: 'user', content }], temperature: 0 })

async function startEngine (t: Test): Promise<string> {
  const child: ChildProcess = spawn(PYTHON, ['research/engines/llama_server.py', '--model', MODELS.boxed.gguf], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'close')
  })
  const [url] = await once(createInterface(child.stdout!), 'line') as [string]
  return url
}

/** What a reply says, without ids, times and the prompt's cache. */
function saidIn ({ choices, usage }: any): object {
  const [{ message: { content, reasoning_content: reasoning, tool_calls: calls = [] }, finish_reason: finish }] = choices
  return { content, reasoning, finish, calls: calls.map((call: any) => call.function), tokens: usage.completion_tokens }
}

/** Asks until a generation is stopped: the model is so fast that its reasoning may end before the probe does. */
async function stopOf (ask: (attempt: number) => Promise<any>): Promise<any> {
  for (let attempt = 0; attempt < 40; attempt++) {
    const reply = await ask(attempt)
    if (reply.stopgate.stopped) return reply
  }
  throw new Error('none of 40 generations was stopped')
}

t.test('llama.cpp serves chats with tools, stop strings, structured output and seeds through the proxy', { skip }, async (t) => {
  const url = await startEngine(t)
  const { proxy, metric, service } = await startUnderTest(t, {}, { PROXY_UPSTREAM: url })
  const pinned = 'model=reasoner,task=pinned'
  await service.send('PUT', `/v1/contexts/${pinned}/policy`, { control_rate: 0.02, check_every_tokens: 16 })
  await service.send('PUT', `/v1/contexts/${pinned}/pin`, { threshold: 0.9, reason: 'test' })
  const post = async (base: string, body: object, headers: Record<string, string> = FREE) => await fetch(`${base}/v1/chat/completions`, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body),
  })
  const both = async (body: object) => {
    const [direct, proxied] = [await (await post(url, body)).json(), await (await post(proxy.url, body)).json()] as any[]
    t.match(proxied.stopgate, { stopped: false }, JSON.stringify(body).slice(0, 200))
    t.same(saidIn(proxied), saidIn(direct), 'it is what the engine alone gives')
    return proxied
  }

  for (const [question, room, level] of QUESTIONS) {
    const { choices: [{ message }], stopgate } = await both({ ...chatOf(question), tools: TOOLS })
    t.same(JSON.parse(message.tool_calls[0].function.arguments), { room, level })
    t.equal(stopgate.arm, 'control')
    t.ok(stopgate.probe_tokens > 20, 'calls were forced beside it')
  }
  await both({ ...chatOf(QUESTIONS[0][0]), tools: TOOLS, tool_choice: 'required' })
  await both({ ...chatOf(QUESTIONS[0][0]), tools: TOOLS, tool_choice: 'none' })
  await both({ ...chatOf(QUESTIONS[0][0]), stop: ['450'] })
  await both({ ...chatOf('total 437: a8 b5 c2 d9'), stop: ['answer'] })
  await both({ ...chatOf('total 437: a8 b5 c2 d9'), temperature: 1, seed: 3 })
  const several = { ...chatOf('total 437: a8 b5 c2 d9'), temperature: 1, seed: 3, n: 3 }
  const [direct, proxied] = [await (await post(url, several)).json(), await (await post(proxy.url, several)).json()] as any[]
  const textsOf = ({ choices }: any) => choices.map(({ index, message }: any) => [index, message.reasoning_content, message.content])
  t.same(textsOf(proxied), textsOf(direct), 'each sample is the one of the engine')
  t.equal(proxied.stopgate.samples.length, 3)
  await both({ ...chatOf('total 437: a8 b5 c2 d9'), response_format: { type: 'json_schema', json_schema: { name: 'x', schema: LEVEL } } })
  const call = { id: 'c1', type: 'function', function: { name: 'set_heat', arguments: '{"room": "hall", "level": 452}' } }
  const turns = [
    { role: 'user', content: QUESTIONS[0][0] }, { role: 'assistant', content: '', tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c1', content: QUESTIONS[1][0] },
  ]
  await both({ model: 'reasoner', temperature: 0, messages: turns, tools: TOOLS })
  await both({ model: 'reasoner', temperature: 0, messages: turns })

  for (const isStream of [false, true]) {
    const [question, room, level] = QUESTIONS[0]
    const { calls, usage } = await stopOf(async (attempt) => {
      const headers = { 'x-stopgate-context': 'task=pinned', 'x-stopgate-group': `group-${isStream}-${attempt}` }
      const body = { ...chatOf(question), tools: TOOLS, stream: isStream, stream_options: { include_usage: true } }
      const reply = await post(proxy.url, body, headers)
      const events = isStream ? eventsOf(await reply.text()) : [await reply.json() as any]
      const said = events.map(({ choices: [choice] }) => choice?.delta ?? choice?.message)
      return { ...events.at(-1), calls: said.flatMap((part) => part?.tool_calls ?? []) }
    })
    t.same(JSON.parse(calls.map((one: any) => one.function.arguments).join('')), { room, level }, 'the call of the stopped reasoning is the right one')
    const { prompt_tokens: tokens, prompt_tokens_details: { cached_tokens: cached } } = usage
    t.ok(tokens < 30 && cached <= tokens, "the usage is of the client's own prompt")
  }
  t.equal(await metric('stopgate_proxy_failed_stops_total'), 0)
  t.equal(await metric('stopgate_proxy_probes_total{end="failed"}'), 0)
})

const lacksAgents = spawnSync(PYTHON, ['-c', 'import agents']).status !== 0 && 'the agent framework is not installed: pip install openai-agents'
if (lacksAgents !== false) console.error(`SKIPPED: an agent with a tool in llama.cpp: ${lacksAgents}`)

t.test("OpenAI's Agents SDK runs the loop of an agent with a tool as it does without the proxy", { skip: skip || lacksAgents }, async (t) => {
  const url = await startEngine(t)
  const { proxy, metric, service } = await startUnderTest(t, {}, { PROXY_UPSTREAM: url })
  await service.send('PUT', '/v1/contexts/model=reasoner,task=pinned/policy', { control_rate: 0.02, check_every_tokens: 16 })
  await service.send('PUT', '/v1/contexts/model=reasoner,task=pinned/pin', { threshold: 0.9, reason: 'test' })
  const run = async (base: string, task: string) => {
    const { stdout } = await promisify(execFile)(PYTHON, ['research/engines/agent.py', base, JSON.stringify({ 'x-stopgate-context': `task=${task}` })])
    return JSON.parse(stdout)
  }
  const direct = await run(url, 'none')
  t.same(direct.calls, Array(2).fill({ room: 'hall', level: 452 }), 'not streamed and streamed')
  t.same(await run(proxy.url, 'free'), direct)
  t.equal(await metric('stopgate_proxy_passed_total{cause="tools"}'), 0)
  t.ok(await metric('stopgate_proxy_probes_total{end="ok"}') > 0, 'its calls were forced beside it')
  t.same((await run(proxy.url, 'pinned')).calls, direct.calls, 'the calls are right where reasoning may be stopped, too')
})
