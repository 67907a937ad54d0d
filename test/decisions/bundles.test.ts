import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { awaitBundle, renderBundle } from '../../src/decisions/bundles.js'
import { snapshotOf } from '../core/decide/snapshot-of.js'

t.test('a bundle is rendered once for each snapshot, and its tag depends on its content', async (t) => {
  const [one, same, other] = [snapshotOf({ 'model=q': { index: 3 } }), snapshotOf({ 'model=q': { index: 3 } }), snapshotOf({ 'model=q': { index: 4 } })]
  t.equal(renderBundle(one, '*'), renderBundle(one, '*'))
  t.equal(renderBundle(one, '*').etag, renderBundle(same, '*').etag, 'another replica says the same')
  const stands = Object.entries({ 'model=b': { index: 3 }, 'model=a': { index: 4 }, 'model=a,task=z': { index: 5 }, 'model=a,task=y': { index: 6 } })
  const [asTheyCame, reloaded] = [stands, stands.toReversed()].map((each) => renderBundle(snapshotOf(Object.fromEntries(each)), '*').etag)
  t.equal(asTheyCame, reloaded, 'in whichever order it came to know the contexts')
  t.not(renderBundle(one, '*').etag, renderBundle(one, 'model=q').etag)
  t.not(renderBundle(snapshotOf({ 'model=q': { index: 3, policy: { certify_at: 'model' } } }), '*').etag, renderBundle(other, '*').etag)
  t.equal(renderBundle({ ...one, version: one.version + 1 }, '*').etag, renderBundle(one, '*').etag, 'a version that changes nothing in it is the same')
  const { text, gzipped } = renderBundle(one, '*')
  t.equal(gunzipSync(await gzipped()).toString(), text)
  t.match(renderBundle(one, '*').etag, /^"[0-9a-f]{32}"$/)
})

t.test('the number of cached prefixes is bounded', async (t) => {
  const snapshot = snapshotOf({})
  const first = renderBundle(snapshot, 'model=q')
  for (let i = 0; i < 256; i++) renderBundle(snapshot, `model=flood-${i}`)
  t.not(renderBundle(snapshot, 'model=q'), first)
  t.equal(renderBundle(snapshot, 'model=q').etag, first.etag)
})

t.test('a caller that has the bundle waits for the next one', async (t) => {
  const listeners = new Set<() => void>()
  let snapshot = snapshotOf({})
  const onMove = (listener: () => void) => { listeners.add(listener); return () => { listeners.delete(listener) } }
  const service = { snapshot: () => snapshot, onMove }
  const move = (to: typeof snapshot) => { snapshot = to; for (const listener of listeners) listener() }
  const { etag } = renderBundle(snapshot, '*')
  const { signal } = new AbortController()
  t.equal((await awaitBundle(service, '*', [], 10_000, signal)).etag, etag, 'at once')
  t.equal((await awaitBundle(service, '*', ['"old"'], 10_000, signal)).etag, etag, 'at once')
  t.equal((await awaitBundle(service, '*', [etag], 0, signal)).etag, etag)
  t.equal((await awaitBundle(service, '*', [etag], 1, signal)).etag, etag, 'when the time is up')
  const waiting = awaitBundle(service, '*', ['"older"', etag], 10_000, signal)
  move({ ...snapshot, version: snapshot.version + 1 })
  move(snapshotOf({ '*': { policy: { mode: 'off' } } }))
  t.match((await waiting).text, '"mode":"off"')
  const stop = new AbortController()
  const given = awaitBundle(service, '*', [renderBundle(snapshot, '*').etag], 10_000, stop.signal)
  stop.abort()
  t.equal((await given).etag, renderBundle(snapshot, '*').etag)
  t.equal(listeners.size, 0, 'nobody waits any more')
})

t.test('a change outside the prefix does not end the wait', async (t) => {
  const listeners = new Set<() => void>()
  let snapshot = snapshotOf({ 'model=q,task=x': { index: 3 }, 'model=r,task=x': { index: 3 } })
  const onMove = (listener: () => void) => { listeners.add(listener); return () => { listeners.delete(listener) } }
  const service = { snapshot: () => snapshot, onMove }
  const stop = new AbortController()
  const wait = (prefix: string) => awaitBundle(service, prefix, [renderBundle(snapshot, prefix).etag], 60_000, stop.signal)
  const [here, elsewhere] = [wait('model=q'), wait('model=r')]
  let isAnswered = false
  here.then(() => { isAnswered = true })
  snapshot = { ...snapshotOf({ 'model=q,task=x': { index: 3 }, 'model=r,task=x': { index: 4 } }), version: snapshot.version + 1 }
  for (const listener of listeners) listener()
  t.match((await elsewhere).text, '"prefix":"model=r"')
  t.notOk(isAnswered, 'who looked first')
  stop.abort()
  await here
})
