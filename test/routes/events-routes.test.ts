import t from 'tap'
import { build } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

async function readUntil (stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  let text = ''
  for await (const piece of stream) if (pattern.test(text += String(piece))) return text
  return text
}

t.test('a change of a policy is announced, and the stream ends when the service closes', async (t) => {
  const { app, send, metrics } = await build(t)
  const { headers, ...reply } = await app.inject({ url: '/v1/events', payloadAsStream: true })
  t.match(headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  const stream = reply.stream()
  await send('PUT', '/v1/contexts/*/policy', { mode: 'off' })
  const text = await readUntil(stream, /event: change\n.*\n\n/)
  t.match(text, /^retry: 3000\nevent: hello\ndata: {"snapshot_version":0,"prefix":"\*"}\n\n/)
  t.match(text, /event: change\ndata: {"snapshot_version":1,"contexts":\["\*"\],"contexts_changed":1,/)
  t.notMatch(await metrics.render(), /route="\/v1\/events"/, 'a stream is not among the durations of requests')

  const second = (await app.inject({ url: '/v1/events', payloadAsStream: true })).stream()
  const ended = readUntil(second, /never/)
  await app.close()
  t.match(await ended, /hello/)
})

t.test('HEAD opens no stream, which would never be read or ended', async (t) => {
  const { app } = await build(t)
  t.equal((await app.inject({ method: 'HEAD', url: '/v1/events' })).statusCode, 405)
})

t.test('a token that is bound to a prefix follows that part alone', async (t) => {
  const { app, send } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker', q: 'operator model=q' }) })
  t.match(await send('GET', '/v1/events', undefined, bearer('w')), { status: 403 })
  t.match(await send('GET', '/v1/events?prefix=model%3Dr', undefined, bearer('q')), { status: 403 })
  t.match(await send('GET', '/v1/events?prefix=nowhere', undefined, bearer('q')), { status: 403 })
  const stream = (await app.inject({ url: '/v1/events', payloadAsStream: true, headers: bearer('q') })).stream()
  t.match(await readUntil(stream, /hello.*\n.*\n\n/), /"prefix":"model=q"/)
})
