import t from 'tap'
import { detectDialect, UpstreamDialect } from '../../../src/proxy/dialects/upstream-dialect.js'
import { createUpstream } from '../../../src/proxy/protocol/upstream.js'
import { until } from '../../helper.js'
import { startStandIn } from '../stand-in.js'

t.test('the dialect is detected once, and after a failure not again at once', async (t) => {
  const answers = [new Error('away'), 'vllm' as const]
  let detections = 0
  const dialect = new UpstreamDialect('auto', async () => {
    const answer = answers[detections++]!
    if (answer instanceof Error) throw answer
    return answer
  })
  t.equal(await dialect.find([]), null)
  t.equal(await dialect.find([]), null)
  t.equal(detections, 1)
  t.equal(await until('it is detected again', async () => await dialect.find([])), 'vllm')
  t.equal(await dialect.find([]), 'vllm')
  t.equal(detections, 2)
  t.equal(dialect.name, 'vllm')
})

t.test('a dialect that the operator names is not detected', async (t) => {
  const dialect = new UpstreamDialect('plain', async () => { throw new Error('it was detected') })
  t.equal(await dialect.find([]), 'plain')
})

for (const [owner, name] of [['vllm', 'vllm'], ['llamacpp', 'llama.cpp'], ['sglang', 'sglang'], ['someone', 'plain'], ['constructor', 'plain']]) {
  t.test(`a model server whose models are owned by ${owner} speaks ${name}`, async (t) => {
    const { url } = await startStandIn(t, { owner: owner! })
    const upstream = createUpstream(url)
    t.teardown(() => upstream.close())
    t.equal(await detectDialect(upstream, []), name)
  })
}
