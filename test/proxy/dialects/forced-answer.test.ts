import t from 'tap'
import { readForced } from '../../../src/proxy/dialects/forced-answer.js'

t.test('log-probabilities are read in both formats', async (t) => {
  t.same(readForced({ choices: [{ text: 'a', logprobs: { token_logprobs: [-1] } }], usage: { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 8 } } }),
    { text: 'a', logprobs: [-1], tokens: 1, promptTokens: 9, cachedTokens: 8 })
  t.same(readForced({ choices: [{ text: 'a', logprobs: { content: [{ logprob: -2 }] } }] }),
    { text: 'a', logprobs: [-2], tokens: 1, promptTokens: null, cachedTokens: null })
  t.same(readForced({ choices: [{ text: 'a' }] }).logprobs, [])
  t.throws(() => readForced({ choices: [] }))
})
