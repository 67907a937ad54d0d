import t from 'tap'
import type { Asked } from '../../../src/proxy/asked.js'
import { answerBody, probeBody } from '../../../src/proxy/dialects/answer-body.js'

const asked = { model: 'm', body: { temperature: 0.6, seed: 1, top_p: null, messages: [] } } as unknown as Asked

t.test('answers are sampled as the client asked, and probes are greedy', async (t) => {
  const answer = JSON.parse(JSON.stringify(answerBody(asked, [1], 5)))
  t.same(answer, { model: 'm', prompt: [1], max_tokens: 5, stream: true, stream_options: { include_usage: true }, temperature: 0.6, seed: 1 })
  t.same(probeBody(asked, 'a', 2, []), { model: 'm', prompt: 'a', max_tokens: 2, temperature: 0, logprobs: 1 })
  t.match(probeBody(asked, 'a', 2, ['\n']), { stop: ['\n'] })
})
