import t from 'tap'
import { detectDialect } from '../../../src/proxy/dialects/detect.js'
import { createUpstream } from '../../../src/proxy/upstream.js'
import { startStandIn } from '../stand-in.js'

for (const [owner, name] of [['vllm', 'vllm'], ['llamacpp', 'llama.cpp'], ['sglang', 'sglang'], ['someone', 'plain'], ['constructor', 'plain']]) {
  t.test(`a model server whose models are owned by ${owner} speaks ${name}`, async (t) => {
    const { url } = await startStandIn(t, { owner: owner! })
    const upstream = createUpstream(url)
    t.teardown(() => upstream.close())
    t.equal(await detectDialect(upstream, []), name)
  })
}
