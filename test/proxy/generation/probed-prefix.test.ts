import { equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { DialectName } from '../../../src/proxy/dialects/dialect.js'
import { OutcomeReporter } from '../../../src/proxy/service-link/outcome-reporter.js'
import { until } from '../../helper.js'
import { numRuns } from '../../property.js'
import { CHAT, eventsOf, startUnderTest } from '../proxy-under-test.js'
import { textOf } from '../stand-in.js'

const REASONING = Array.from({ length: 90 }, (_, i) => String.fromCharCode(97 + i % 26)).join('')
const NATURAL = 'in full'
const MAX_TOKENS = 500
const CADENCE = 8
const OWNERS: Readonly<Record<DialectName, string>> = { vllm: 'vllm', 'llama.cpp': 'llamacpp', sglang: 'sglang', plain: 'someone' }

/** A generation of an engine that goes on reasoning while it is probed, and while it is asked for the answer. */
const PLAN = fc.record({
  isStream: fc.boolean(),
  isChat: fc.boolean(),
  refuses: fc.constantFrom(false, false, false, true),
  /** Characters of the reasoning from which on it is sure. */
  sureFrom: fc.integer({ min: 1, max: 80 }),
  /** Tokens of each chunk, chunks during each probe, and during a stop; in turn. */
  chunkTokens: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
  chunksDuringProbe: fc.array(fc.integer({ min: 0, max: 16 }), { minLength: 1, maxLength: 4 }),
  chunksDuringStop: fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 4 }),
})

/** Whether a request upstream is for a probe or an answer. */
function isForced (body: any): boolean {
  return continuedText(body).includes('</think>')
}

/** The text that a request upstream is continued behind. */
function continuedText (body: any): string {
  if (body?.messages !== undefined) return body.messages.at(-1).content
  const parts: Array<string | number> = [body?.prompt ?? ''].flat()
  return parts.map((part) => typeof part === 'string' ? part : textOf([part])).join('')
}

/**
 * Plays generations whose forced answers are the number of characters of the reasoning before them: an answer is right only where it
 * follows the prefix that was probed.
 */
async function play (t: Test, dialect: DialectName): Promise<void> {
  const turns = { chunkTokens: [1], chunksDuringProbe: [0], chunksDuringStop: [0] }
  const next = (name: keyof typeof turns) => () => {
    const value = turns[name].shift()!
    turns[name].push(value)
    return value
  }
  let [sureFrom, refuses] = [Infinity, false]
  const { ask, treated, upstream, metric } = await startUnderTest(t, {
    owner: OWNERS[dialect],
    reasoning: REASONING,
    answer: NATURAL,
    forcedAnswer: String,
    confidence: (characters) => characters >= sureFrom ? 0.95 : 0.1,
    failAnswers: () => refuses,
    chunkTokens: next('chunkTokens'),
    chunksDuringProbe: next('chunksDuringProbe'),
    chunksDuringStop: next('chunksDuringStop'),
  }, {}, { DEFAULT_POLICY: `{"follow_up_seconds":60,"evidence_span_seconds":0,"check_every_tokens":${CADENCE}}` })
  const outcomes: any[] = []
  const { put } = OutcomeReporter.prototype
  t.teardown(() => { OutcomeReporter.prototype.put = put })
  OutcomeReporter.prototype.put = function (outcome) {
    outcomes.push(outcome)
    put.call(this, outcome)
  }
  let [stops, discards] = [0, 0]

  await fc.assert(fc.asyncProperty(PLAN, async (plan) => {
    Object.assign(turns, structuredClone(plan))
    ;({ sureFrom, refuses } = plan)
    const isChat = plan.isChat && dialect !== 'plain'
    const body = { ...isChat ? CHAT : { model: 'm', prompt: 'letters<think>' }, max_tokens: MAX_TOKENS, stream: plan.isStream, stream_options: { include_usage: true } }
    upstream.requests.length = 0
    outcomes.length = 0
    const reply = await (await ask(body, treated, isChat ? undefined : '/v1/completions')).text()
    const chunks = plan.isStream ? eventsOf(reply) : [JSON.parse(reply)]
    const shown = (read: (choice: any) => string | undefined) => chunks.map(({ choices: [choice] }) => choice === undefined ? '' : read(choice) ?? '').join('')
    const message = (choice: any) => choice.delta ?? choice.message ?? {}
    const reasoning = shown((choice) => message(choice).reasoning ?? message(choice).reasoning_content)
    const text = shown((choice) => choice.text ?? message(choice).content)
    const { stopgate, usage } = chunks.at(-1)
    const [outcome] = outcomes
    equal(outcomes.length <= 1, true)
    equal(stopgate.tokens, usage.completion_tokens)

    if (!stopgate.stopped) {
      equal(reasoning + text, isChat ? REASONING + NATURAL : `${REASONING}</think>${NATURAL}`)
      equal(stopgate.discarded_tokens, 0)
      equal(outcome?.stopped_probe, undefined)
      return
    }
    stops++
    equal(refuses, false)
    const [probe, answer] = upstream.requests.filter(({ path }) => path !== '/tokenize').map(({ body }) => body).filter(isForced).slice(-2)
    equal(continuedText(probe), continuedText(answer) + 'Final answer:')
    const [, prefix] = /<think>\n?(.*?)\n<\/think>\n\n$/s.exec(continuedText(answer))!
    ok(REASONING.startsWith(prefix!))

    equal(outcome.answer, String(prefix!.length))
    equal(outcome.stopped_probe.answer, outcome.answer)
    const tokens = outcome.stopped_probe.tokens
    if (dialect === 'vllm' || dialect === 'llama.cpp') equal(tokens, prefix!.length)
    if (dialect === 'vllm' || dialect === 'llama.cpp') equal(tokens % CADENCE, 0)
    equal(answer.max_tokens ?? answer.n_predict, MAX_TOKENS - tokens)

    const discarded = stopgate.discarded_tokens
    discards += discarded
    ok(discarded >= 0)
    if (dialect === 'llama.cpp') equal(discarded, 0)
    equal(outcome.answer_tokens, outcome.answer.length)
    equal(outcome.tokens, tokens + discarded + outcome.answer_tokens)
    equal(outcome.tokens, usage.completion_tokens)
    equal(usage.completion_tokens_details.reasoning_tokens, tokens + discarded)

    const thought = isChat ? reasoning : text.replace(/\n<\/think>\n\n\d+$/, '')
    equal(isChat ? text : text.slice(thought.length), isChat ? outcome.answer : `\n</think>\n\n${outcome.answer}`)
    ok(thought.startsWith(prefix!) && REASONING.startsWith(thought))
    if (!plan.isStream) ok(thought.length < prefix!.length + 5, 'nothing else is shown but the rest of a chunk')
    const isCountedByText = dialect === 'sglang' || dialect === 'plain'
    if (!isCountedByText) ok(thought.length <= tokens + discarded)
  }), { seed: 20_240_601, numRuns: numRuns(30, 80), endOnFailure: true })

  t.ok(stops > 5, `${stops} stops`)
  t.ok(discards > 0 || dialect === 'llama.cpp', `${discards} tokens were discarded`)
  t.equal(await metric('stopgate_proxy_tokens_total{part="discarded"}'), discards)
  await until('the service has all outcomes', async () => await metric('stopgate_proxy_reports_waiting') === 0)
  t.equal(await metric('stopgate_proxy_reports_refused'), 0)
}

for (const dialect of Object.keys(OWNERS) as DialectName[]) {
  t.test(`on ${dialect} the answer follows exactly the prefix that was probed, and counts add up`, (t) => play(t, dialect))
}
