import t from 'tap'
import { DIALECT_NAMES } from '../../../src/proxy/dialects/dialect.js'
import { createDialects, detectDialect, UpstreamDialect } from '../../../src/proxy/dialects/upstream-dialect.js'
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

t.test('each dialect has the name that --dialect takes', async (t) => {
  const upstream = createUpstream('http://127.0.0.1:9')
  const tags = { open: '<think>', close: '</think>' }
  const dialects = createDialects({ upstream, tags })
  t.same(Object.entries(dialects).map(([key, { name }]) => [key, name]), DIALECT_NAMES.map((name) => [name, name]))
})

t.test('a malformed list of models is that of an unknown server', async (t) => {
  for (const [list, expected] of [[{}, 'plain'], [[], 'plain'], [{ data: 5 }, 'plain'], [{ data: [null, { owned_by: 5 }, { owned_by: 'vllm' }] }, 'vllm']] as const) {
    t.equal(await detectDialect({ ...createUpstream('http://127.0.0.1:9'), json: async () => list }, []), expected)
  }
  await t.rejects(detectDialect({ ...createUpstream('http://127.0.0.1:9'), json: async () => null }, []))
})
