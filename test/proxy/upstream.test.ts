import t from 'tap'
import { createUpstream, UpstreamError } from '../../src/proxy/upstream.js'
import { startStandIn } from './stand-in.js'

t.test('JSON is sent and read, and an error tells what was answered', async (t) => {
  const { url } = await startStandIn(t)
  const upstream = createUpstream(url)
  t.teardown(() => upstream.close())
  const signal = new AbortController().signal
  t.match(await upstream.json('/v1/models', [], undefined, signal), { object: 'list' })
  t.match(await upstream.json('/tokenize', ['content-type', 'application/json'], { prompt: 'ab' }, signal), { tokens: [97, 98] })
  await t.rejects(upstream.json('/nowhere', [], undefined, signal), UpstreamError)
  await t.rejects(upstream.json('/echo', [], undefined, signal), /no JSON/)
  await t.rejects(createUpstream('http://127.0.0.1:9').json('/', [], undefined, signal), { code: 'ECONNREFUSED' })
})
