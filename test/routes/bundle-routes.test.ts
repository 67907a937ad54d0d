import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { snapshotOfBundle } from '../../src/core/decide/bundle.js'
import { decide } from '../../src/core/decide/decide.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

t.test('a worker decides from the bundle as the service does', async (t) => {
  const built = await build(t)
  await certify(built)
  const { status, body, headers } = await built.send('GET', '/v1/bundle')
  t.equal(status, 200)
  t.match(headers, { etag: /^"[0-9a-f]{32}"$/, 'content-type': /^application\/json/, 'cache-control': 'private, no-cache' })
  const snapshot = snapshotOfBundle(body)
  for (const step of [{ arm: 'treated', tokens: 32, confidence: 0.96, context: CONTEXT }, { generation_id: 'g', tokens: 32, confidence: 0.96, context: CONTEXT }, { tokens: 1, confidence: 1 }] as const) {
    const { rule: _, guarantee: __, ...decision } = (await built.send('POST', '/v1/decisions', step)).body // a first step is answered with both
    t.strictSame(JSON.parse(JSON.stringify(decide(snapshot, 'fresh', step))), { ...decision, warnings: [] })
  }
})

t.test('the reply is 304 while nothing changes, and a waiting request gets the next change', async (t) => {
  const { send } = await build(t)
  const { headers: { etag } } = await send('GET', '/v1/bundle')
  const again = await send('GET', '/v1/bundle', undefined, { 'if-none-match': etag })
  t.match(again, { status: 304, headers: { etag } })
  t.match(await send('GET', '/v1/bundle', undefined, { 'if-none-match': `"x", W/${etag}` }), { status: 304, headers: { etag } }, 'not an earlier tag')
  const waiting = send('GET', '/v1/bundle?wait=30', undefined, { 'if-none-match': etag })
  await send('PUT', '/v1/contexts/*/policy', { mode: 'off' })
  const moved = await waiting
  t.match(moved, { status: 200, body: { rules: [{ mode: 'off' }] } })
  t.not(moved.headers.etag, etag)
})

t.test('a request that may wait is not among the durations of requests', async (t) => {
  const { send, metrics } = await build(t)
  await send('GET', '/v1/bundle')
  await send('GET', '/v1/bundle?wait=30')
  t.match(await metrics.render(), 'stopgate_http_request_duration_seconds_count{method="GET",route="/v1/bundle",status_code="200"} 1\n')
})

t.test('the bundle is compressed for clients that accept gzip', async (t) => {
  const { app } = await build(t)
  const plain = await app.inject({ url: '/v1/bundle' })
  const small = await app.inject({ url: '/v1/bundle', headers: { 'accept-encoding': 'gzip, br' } })
  t.equal(small.headers['content-encoding'], 'gzip')
  t.equal(gunzipSync(small.rawPayload).toString(), plain.body)
})

t.test('a prefix limits the bundle, and a bound token gets only its own contexts', async (t) => {
  const built = await build(t, { ACCESS_TOKENS: tokenList({ tenant: 'worker model=q', w: 'worker' }) })
  await certify({ ...built, send: (method, url, body) => built.send(method, url, body, bearer('w')) })
  const get = async (name: string, query = '') => await built.send('GET', `/v1/bundle${query}`, undefined, bearer(name))
  t.match((await get('w', `?prefix=${encodeURIComponent(KEY)}`)).body, { prefix: KEY, root: { below: { q: { below: { gsm8k: {} } } } } })
  t.match((await get('tenant')).body, { prefix: 'model=q' })
  t.match(await get('tenant', '?prefix=model%3Dr'), { status: 403, body: { details: [{ path: '/prefix' }] } })
  t.match(await get('w', '?prefix=colour%3Dred'), { status: 400, body: { code: 'INVALID_CONTEXT_KEY' } })
  t.match(await get('w', '?wait=61'), { status: 400 })
})

t.test('no bundle is served from a snapshot that is too old', async (t) => {
  const { send, snapshotHolder } = await build(t)
  const { freshness } = snapshotHolder
  Object.assign(snapshotHolder, { freshness: () => 'too_old' })
  t.match(await send('GET', '/v1/bundle'), { status: 503, body: { code: 'SNAPSHOT_TOO_OLD', message: /continue/ } })
  Object.assign(snapshotHolder, { freshness })
})

t.test('a waiting request does not delay the shutdown', async (t) => {
  const { send, app } = await build(t)
  const { headers: { etag } } = await send('GET', '/v1/bundle')
  const url = await app.listen({ port: 0 })
  const waiting = fetch(`${url}/v1/bundle?wait=60`, { headers: { 'if-none-match': etag } })
  await new Promise<void>((resolve) => { app.server.once('request', () => resolve()) })
  await app.close() // the connection, which the client would keep for more than a minute, ends as well
  t.equal((await waiting).status, 304)
  t.equal((await waiting).headers.get('connection'), 'close')
})

const body = { context: { model: 'q', task: 'gsm8k' }, epoch: null, share: 1, age_ms: 10, generations: [{ generation_id: 'g' }] }

t.test('a local decider enrols the generations that it drew', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: '{}' })
  t.match(await send('POST', '/v1/enrolments', body), { status: 202, body: { enrolled: 1 } })
  t.match(await send('POST', '/v1/enrolments', { ...body, share: 0 }), { status: 202, body: { enrolled: 0 } }, 'as in a context that has left its pool')
})

t.test('a report that cannot be enrolled is refused', async (t) => {
  const { send } = await build(t)
  for (const wrong of [{ share: -0.1 }, { age_ms: -1 }, { generations: [{ sample: 1 }] }, { epoch: 7 }]) {
    t.match(await send('POST', '/v1/enrolments', { ...body, ...wrong }), { status: 400 }, JSON.stringify(wrong))
  }
})
