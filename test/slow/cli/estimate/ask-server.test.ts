import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run } from '../../../../src/cli/estimate/estimate.js'
import { temporaryFolder } from '../../../helper.js'
import { type Script, startStandIn } from '../../../proxy/stand-in.js'
import { captureIo, type CapturedIo } from '../../../cli/command-line/captured-io.js'

const REASONING = 'x'.repeat(200)

/** Sure of the right answer from 60 characters on. */
const SCRIPT: Script = {
  reasoning: REASONING,
  answer: '42',
  forcedAnswer: (characters) => characters >= 60 ? '42' : '17',
  confidence: (characters) => characters >= 60 ? 0.9999 : 0.3,
}

const promptLines = (count: number, more: object = {}) => Array.from({ length: count }, (_, i) =>
  JSON.stringify({ messages: [{ role: 'user', content: `question ${i}` }], temperature: 0, ...more }) + '\n').join('')

/** Runs the command on a scripted model server. */
async function estimate (
  t: Test, script: Script, prompts: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}
): Promise<CapturedIo> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'prompts.jsonl'), prompts)
  const io = captureIo(env)
  const engine = await startStandIn(t, script)
  await run([`${engine.url}/v1`, '--prompts', join(folder, 'prompts.jsonl'), '--levels', 'model', ...args], io)
  t.equal(engine.aborted(), 0, 'every generation runs in full')
  t.ok(engine.requests.length > 0 && engine.requests.every(({ headers }) => headers['x-stopgate'] === 'off'), 'a plug-in leaves them alone')
  return io
}

for (const owner of ['vllm', 'llamacpp']) {
  t.test(`prompts are asked in full, with probes beside the stream: ${owner}`, async (t) => {
    const io = await estimate(t, { ...SCRIPT, owner }, promptLines(120), ['--json', '-', '--count', '100', '--concurrency', '4'])
    const { contexts: [context], probe_form: form, verdict } = JSON.parse(io.out())
    t.match(form, { form: { name: 'direct' }, generations: 20 })
    t.match(context, { context: 'model=m', generations: 100, prompts: 100, label: 'agreement', self_agreement: { share: 1, pairs: 20 } })
    // It is sure at the check behind 60 of 203 characters, and a stop there costs the answer and some probes of two tokens.
    t.ok(context.saved_ratio.high > 0.4 && context.saved_ratio.high < 0.7, String(context.saved_ratio.high))
    t.equal(context.probe_tokens, 2)
    t.match(verdict, { decision: 'go_on' })
    t.match(io.err(), /estimate: full runs with probes, 100 of 100 prompts\n(.*\n)*Go on: once learned, after at least \d+ gen/)
  })
}

t.test('its record gives the same estimate again', async (t) => {
  const file = join(await temporaryFolder(t), 'record.jsonl')
  const first = JSON.parse((await estimate(t, SCRIPT, promptLines(30, { reference: '42' }), ['--json', '-', '--record', file])).out())
  t.equal((await readFile(file, 'utf8')).trim().split('\n').length, 30)
  const again = captureIo()
  await run([file, '--levels', 'model', '--json', '-'], again)
  const { contexts: [context] } = JSON.parse(again.out())
  t.match(context, { label: 'exact_match', saved_ratio: first.contexts[0].saved_ratio, generations: 30 })
})

t.test('a stated form is not searched for', async (t) => {
  const io = await estimate(t, SCRIPT, promptLines(12), ['--json', '-'], { PROXY_PROBE: 'direct' })
  t.match(JSON.parse(io.out()), { probe_form: null, contexts: [{ generations: 12, self_agreement: null }] })
})

t.test('a model that does not reason, or answers otherwise when it is forced, is not for you', async (t) => {
  const plain = await estimate(t, { ...SCRIPT, reasoning: '' }, promptLines(12))
  t.match(plain.out(), /^Not for you: 12 of 12 replies have no reasoning between the tags/)
  const other = await estimate(t, { ...SCRIPT, forcedAnswer: () => '7' }, promptLines(12))
  t.match(other.out(), /^Not for you: forced answers are not those that the model gives by itself \(plain 0 of 100 %, /)
})

t.test('a batch file of OpenAI is read, too', async (t) => {
  const lines = promptLines(12).trim().split('\n').map((line) => JSON.stringify({ custom_id: 'x', body: JSON.parse(line), reference: '41' }) + '\n').join('')
  const io = await estimate(t, SCRIPT, lines, ['--json', '-'])
  t.match(JSON.parse(io.out()), {
    contexts: [{ label: 'exact_match', generations: 12 }], verdict: { decision: 'cannot_tell', text: /^Cannot tell yet: no final answer is right/ },
  })
})

t.test('bad requests are refused with what to change, before anything is asked', async (t) => {
  const refuses = async (prompts: string, message: RegExp) => { await t.rejects(estimate(t, SCRIPT, prompts), { name: 'FileError', message }) }
  await refuses('', /no requests found; each line is a JSON object such as/)
  await refuses('{', /prompts\.jsonl:1: not JSON/)
  await refuses('[1]', /prompts\.jsonl:1: must be a JSON object/)
  await refuses(promptLines(1) + '{"messages": []}', /prompts\.jsonl:2: needs "messages"/)
  await refuses(promptLines(1, { tools: [{}] }), /uses tools, and estimate asks for texts alone/)
  await refuses(promptLines(1, { n: 4 }), /use n 1, and repeat the line/)
  await refuses(promptLines(1, { stop: ['x'] }), /leave "stop" out/)
  await refuses(promptLines(1, { reference: 4 }), /"reference" must be a text/)
  await t.rejects(estimate(t, { ...SCRIPT, owner: 'other' }, promptLines(12)), { name: 'CommandError', message: /name its kind in PROXY_DIALECT/ })
  await t.rejects(estimate(t, { ...SCRIPT, owner: 'llamacpp' }, promptLines(12, { repetition_penalty: 2 })), { name: 'FileError', message: /leave repetition_penalty out/ })
})

t.test('a model server that fails ends the command with its message', async (t) => {
  const refused = promptLines(1).replace('question 0', 'refuse me')
  await t.rejects(estimate(t, SCRIPT, refused), { name: 'CommandError', message: /prompts\.jsonl:1: the model server answered 400: .*refused/ })
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  const file = join(await temporaryFolder(t), 'prompts.jsonl')
  await writeFile(file, promptLines(1))
  await t.rejects(run([`http://127.0.0.1:${port}/v1`, '--prompts', file], captureIo()), { name: 'CommandError', message: /no model server at .*ECONNREFUSED.*start it there/ })
  await t.rejects(estimate(t, SCRIPT, promptLines(12), [], { PROXY_PROBE: 'nonsense' }), { name: 'UsageError', message: /PROXY_PROBE/ })
})

t.test('the time is limited', async (t) => {
  await t.rejects(estimate(t, { ...SCRIPT, reasoning: 'x'.repeat(20_000) }, promptLines(200), ['--minutes', '0.01', '--concurrency', '1']),
    { name: 'CommandError', message: /raise --minutes \(0\.01\)/ })
})

t.test('a malformed command line is refused', async (t) => {
  const rejects = (args: string[], message: RegExp) => t.rejects(run(args, captureIo()), { name: 'UsageError', message })
  await rejects(['http://127.0.0.1:1'], /needs --prompts FILE/)
  await rejects(['x.jsonl', '--prompts', 'y'], /--prompts needs one URL of a model server.*not "x.jsonl"/)
  await rejects(['x.jsonl', '--record', 'y'], /--record needs --prompts/)
  await rejects(['http://127.0.0.1:1', '--prompts', 'y', '--count', '3'], /--count must be a whole number from 10/)
})
