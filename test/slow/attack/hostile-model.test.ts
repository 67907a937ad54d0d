import t from 'tap'
import { until } from '../../helper.js'
import { eventsOf, startUnderTest } from '../../proxy/proxy-under-test.js'

// A model that writes anything: tags, control characters, half surrogates, deep JSON, text that looks like the proxy's own.

const PARTS = [
  '<think>', '</think>', '<thi', 'nk>', '\n</think>\n\n', 'Final answer:', '\\boxed{', '}', '{"a":'.repeat(50), '['.repeat(300), '\u0000',
  '\ud83d', '\ude00', '\ufffd', 'data: [DONE]\n\n', '\r\n\r\n', '"stopgate":{"stopped":true}', '<|im_end|>', '\u2028', 'x'.repeat(5000), ' ',
  '9'.repeat(400), '__proto__', '</answer>', '\\n',
]

/** Numbers from 0 to 1, always the same. */
function seeded (seed: number): () => number {
  let state = seed
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31
}

const draw = (random: () => number, most: number) =>
  Array.from({ length: 1 + Math.floor(random() * most) }, () => PARTS[Math.floor(random() * PARTS.length)]!).join('')

for (const owner of ['vllm', 'llamacpp', 'sglang']) {
  t.test(`whatever a model of ${owner} writes, its reply comes to an end, and the next one is served`, async (t) => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = seeded(seed)
      const { ask, treated, metric, proxy } = await startUnderTest(t, {
        owner,
        reasoning: draw(random, 8),
        answer: draw(random, 6),
        confidence: () => random() * 3 - 1,
        chunkTokens: () => 1 + Math.floor(random() * 40),
        forcedAnswer: () => draw(random, 3),
      })
      for (const headers of [{}, treated]) {
        for (const stream of [true, false]) {
          for (const [path, body] of [
            ['/v1/chat/completions', { messages: [{ role: 'user', content: draw(random, 4) }] }], ['/v1/completions', { prompt: `${seed}<think>`, max_tokens: 9000 }],
          ] as const) {
            const reply = await ask({ model: 'm', stream, ...body }, headers, path, AbortSignal.timeout(20_000))
            const text = await reply.text()
            if (stream) t.doesNotThrow(() => eventsOf(text), `${owner} ${seed} ${path}`)
            else t.doesNotThrow(() => JSON.parse(text), `${owner} ${seed} ${path}`)
            t.equal(reply.status, 200)
          }
        }
      }
      t.equal(await metric('stopgate_proxy_requests_in_flight'), 0)
      await until('all is reported', async () => await metric('stopgate_proxy_reports_waiting') === 0)
      t.equal(await metric('stopgate_proxy_reports_refused'), 0, `${owner} ${seed}: the service accepts all outcomes`)
      await proxy.close()
    }
  })
}
