import { EventEmitter, once } from 'node:events'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { awaitBundle, renderBundle } from '../src/bundles.js'
import { snapshotOf } from './core/snapshot-of.js'

t.test('a bundle is rendered once a snapshot, and its tag is of its content', async (t) => {
  const [one, same, other] = [snapshotOf({ 'model=q': { index: 3 } }), snapshotOf({ 'model=q': { index: 3 } }), snapshotOf({ 'model=q': { index: 4 } })]
  t.equal(renderBundle(one, '*'), renderBundle(one, '*'))
  t.equal(renderBundle(one, '*').etag, renderBundle(same, '*').etag, 'another replica says the same')
  t.not(renderBundle(one, '*').etag, renderBundle(one, 'model=q').etag)
  t.not(renderBundle(snapshotOf({ 'model=q': { index: 3, policy: { fallback: 'parent' } } }), '*').etag, renderBundle(other, '*').etag)
  const { text, gzipped } = renderBundle(one, '*')
  t.equal(gunzipSync(await gzipped()).toString(), text)
  t.match(renderBundle(one, '*').etag, /^"[0-9a-f]{32}"$/)
})

t.test('bundles of many prefixes are not kept', async (t) => {
  const snapshot = snapshotOf({})
  const first = renderBundle(snapshot, 'model=q')
  for (let i = 0; i < 256; i++) renderBundle(snapshot, `model=flood-${i}`)
  t.not(renderBundle(snapshot, 'model=q'), first)
  t.equal(renderBundle(snapshot, 'model=q').etag, first.etag)
})

t.test('who has the bundle waits for another', async (t) => {
  const moves = new EventEmitter()
  let snapshot = snapshotOf({})
  const service = { snapshot: () => snapshot, moved: async (_ms: number, signal: AbortSignal) => { await once(moves, 'move', { signal }).catch(() => {}) } }
  const { etag } = renderBundle(snapshot, '*')
  const { signal } = new AbortController()
  t.equal((await awaitBundle(service, '*', [], 10_000, signal))?.etag, etag, 'at once')
  t.equal((await awaitBundle(service, '*', ['"old"'], 10_000, signal))?.etag, etag, 'at once')
  t.equal(await awaitBundle(service, '*', [etag], 0, signal), null)
  const waiting = awaitBundle(service, '*', ['"older"', etag], 10_000, signal)
  snapshot = snapshotOf({ '*': { policy: { mode: 'off' } } })
  moves.emit('move')
  t.match((await waiting)?.text, '"mode":"off"')
  const stop = new AbortController()
  const given = awaitBundle(service, '*', [renderBundle(snapshot, '*').etag], 10_000, stop.signal)
  stop.abort()
  t.equal(await given, null)
})
