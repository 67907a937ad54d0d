import t from 'tap'
import { PROBE_FORM_NAMES } from '../../../src/core/decide/probe-form.js'
import { answerBody, meanProbability, probeBody, probeStyle, readForcedAnswer } from '../../../src/proxy/dialects/forced-answer.js'
import type { StoppableRequest } from '../../../src/proxy/protocol/stoppable-request.js'

t.test('log-probabilities and the texts of tokens are read in both formats', async (t) => {
  t.same(readForcedAnswer({ choices: [{ text: 'a', logprobs: { tokens: ['a'], token_logprobs: [-1] } }], usage: { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 8 } } }),
    { text: 'a', logprobs: [-1], pieces: ['a'], tokens: 1, promptTokens: 9, cachedTokens: 8 })
  t.same(readForcedAnswer({ choices: [{ text: 'a', logprobs: { content: [{ token: 'a', logprob: -2 }] } }] }),
    { text: 'a', logprobs: [-2], pieces: ['a'], tokens: 1, promptTokens: null, cachedTokens: null })
  t.same(readForcedAnswer({ choices: [{ text: 'a' }] }).logprobs, [])
  t.throws(() => readForcedAnswer({ choices: [] }))
})

t.test('each style finds a forced answer, and the same answer in an unforced text', async (t) => {
  const { plain, boxed, choice, json, direct } = Object.fromEntries(PROBE_FORM_NAMES.map((name) => [name, probeStyle(name)]))
  t.equal(plain!.forced(' 42\nmore'), '42')
  t.equal(plain!.final('So it is.\n**Final answer:** 42\n'), '42')
  t.equal(plain!.final('42'), '42')
  t.equal(boxed!.forced('\\frac{1}{2}}$'), '\\frac{1}{2}')
  t.equal(boxed!.final('It is \\boxed{1}, no, \\boxed{\\frac{1}{2}}.'), '\\frac{1}{2}')
  t.equal(boxed!.final('I do not know'), '')
  t.equal(choice!.forced('B'), 'B')
  t.equal(choice!.final('A is wrong. The answer is (C).'), 'C')
  t.equal(choice!.final('B'), 'B')
  t.equal(json!.forced('"b": "}", "a": [1]} and more'), '{"a":[1],"b":"}"}')
  t.equal(json!.final('```json\n{"a": [1],\n "b": "}"}\n```'), '{"a":[1],"b":"}"}')
  t.equal(json!.forced('"a": 1'), '{"a": 1', 'a broken one is compared as text')
  t.equal(direct!.forced(' 42 '), '42')
  t.equal(direct!.suffix, '')
  t.equal(probeStyle('plain', 'Result:').suffix, 'Result:')
})

const request = { model: 'm', body: { temperature: 0.6, seed: 1, top_p: null, messages: [] } } as Partial<StoppableRequest> as StoppableRequest

t.test('answers and probes are sampled as the client requested', async (t) => {
  const answer = JSON.parse(JSON.stringify(answerBody(request, [1], 5)))
  t.same(answer, { model: 'm', prompt: [1], max_tokens: 5, stream: true, stream_options: { include_usage: true }, temperature: 0.6, seed: 1 })
  t.same(JSON.parse(JSON.stringify(probeBody(request, 'a', 2, []))), { model: 'm', prompt: 'a', max_tokens: 2, logprobs: 1, temperature: 0.6, seed: 1 }, 'drawn as the answer')
  t.same(probeBody(request, 'a', 2, [], 'greedily'), { model: 'm', prompt: 'a', max_tokens: 2, temperature: 0, logprobs: 1 })
  t.match(probeBody(request, 'a', 2, ['\n']), { stop: ['\n'] })
})

t.test('the confidence is the geometric mean probability, if every token has one', async (t) => {
  t.equal(meanProbability([Math.log(0.5), Math.log(0.125)])!.toFixed(6), '0.250000', 'the geometric mean')
  t.equal(meanProbability([]), null)
  t.equal(meanProbability([0, null]), null)
  t.equal(meanProbability([-Infinity]), null)
  t.equal(meanProbability([1e-7]), 1, 'rounded')
  t.equal(meanProbability([0.1, -1]), null, 'no logarithm of a probability')
})

t.test('the reply to a probe must have a text, and counts that are no numbers are unknown', async (t) => {
  for (const reply of [null, 5, 'a', [], {}, { choices: 5 }, { choices: [null] }, { choices: [{ text: 5 }] }, { choices: [{ message: 'a' }] }]) {
    t.throws(() => readForcedAnswer(reply), /without a text/)
  }
  const malformed = { choices: [{ text: 'a', logprobs: { token_logprobs: ['x', -1] } }], usage: { prompt_tokens: 'x', prompt_tokens_details: null } }
  t.same(readForcedAnswer(malformed), { text: 'a', logprobs: [null, -1], pieces: [], tokens: 1, promptTokens: null, cachedTokens: null })
})

t.test('an answer is found in a time that grows with the text: no expression goes over it again and again', async (t) => {
  const LENGTH = 5_000_000 // at a quadratic cost, hours
  for (const [name, text] of [
    ['choice', `answer${' '.repeat(LENGTH)}`],
    ['choice', 'answer is '.repeat(LENGTH / 10)],
    ['json', `{"${'\\"'.repeat(LENGTH / 2)}`],
    ['json', '"'.repeat(LENGTH)],
    ['json', `[-${'1'.repeat(LENGTH)}]`],
    ['plain', `final answer${' '.repeat(LENGTH)}`],
    ['boxed', '\\boxed '.repeat(LENGTH / 7)],
  ] as const) t.type(probeStyle(name).final(text), 'string', `${name} ${text.slice(0, 20)}`)
})
