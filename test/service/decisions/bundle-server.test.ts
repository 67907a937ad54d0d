import { setImmediate } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import { BundleWaits, createBundleServer, renderBundle } from '../../../src/service/decisions/bundle-server.js'
import { snapshotOf } from '../../core/decide/snapshot-of.js'

t.test('a caller that has the bundle waits for the next one', async (t) => {
  const listeners = new Set<() => void>()
  let snapshot = snapshotOf({})
  const onMove = (listener: () => void) => { listeners.add(listener); return () => { listeners.delete(listener) } }
  const waits = new BundleWaits({ snapshot: () => snapshot, onMove })
  const move = (to: typeof snapshot) => { snapshot = to; for (const listener of listeners) listener() }
  const { etag } = renderBundle(snapshot, '*')
  const { signal } = new AbortController()
  t.equal((await waits.wait('*', [], 10_000, signal)).etag, etag, 'at once')
  t.equal((await waits.wait('*', ['"old"'], 10_000, signal)).etag, etag, 'at once')
  t.equal((await waits.wait('*', [etag], 0, signal)).etag, etag)
  t.equal((await waits.wait('*', [etag], 1, signal)).etag, etag, 'when the time is up')
  const waiting = waits.wait('*', ['"older"', etag], 10_000, signal)
  move({ ...snapshot, version: snapshot.version + 1 })
  move(snapshotOf({ '*': { policy: { mode: 'off' } } }))
  t.match((await waiting).text, '"mode":"off"')
  const stop = new AbortController()
  const given = waits.wait('*', [renderBundle(snapshot, '*').etag], 10_000, stop.signal)
  stop.abort()
  t.equal((await given).etag, renderBundle(snapshot, '*').etag)
  waits.close()
  t.equal(listeners.size, 0)
})

t.test('a change outside the prefix does not end the wait', async (t) => {
  const listeners = new Set<() => void>()
  let snapshot = snapshotOf({ 'model=q,task=x': { index: 3 }, 'model=r,task=x': { index: 3 } })
  const onMove = (listener: () => void) => { listeners.add(listener); return () => { listeners.delete(listener) } }
  const waits = new BundleWaits({ snapshot: () => snapshot, onMove })
  const stop = new AbortController()
  const wait = (prefix: string) => waits.wait(prefix, [renderBundle(snapshot, prefix).etag], 60_000, stop.signal)
  const [here, elsewhere] = [wait('model=q'), wait('model=r')]
  let isAnswered = false
  here.then(() => { isAnswered = true })
  snapshot = { ...snapshotOf({ 'model=q,task=x': { index: 3 }, 'model=r,task=x': { index: 4 } }), version: snapshot.version + 1 }
  for (const listener of listeners) listener()
  t.match((await elsewhere).text, '"prefix":"model=r"')
  t.notOk(isAnswered, 'the other caller still waits')
  stop.abort()
  await here
})

t.test('a thousand callers are woken in many turns of the event loop, and each gets the new bundle', async (t) => {
  let snapshot = snapshotOf({})
  let move = () => {}
  const waits = new BundleWaits({ snapshot: () => snapshot, onMove (listener) { move = listener; return () => {} } })
  const { signal } = new AbortController()
  const { etag } = renderBundle(snapshot, '*')
  let woken = 0
  const all = Array.from({ length: 1000 }, async () => {
    const bundle = await waits.wait('*', [etag], 60_000, signal)
    woken++
    return bundle
  })
  snapshot = snapshotOf({ '*': { policy: { mode: 'off' } } })
  move()
  const turns: number[] = []
  const areAwake = () => woken === all.length
  for (let before = 0; !areAwake(); await setImmediate()) {
    turns.push(woken - before)
    before = woken
  }
  t.ok(Math.max(...turns) <= 100, `at most ${Math.max(...turns)} in a turn`)
  for (const { text } of await Promise.all(all)) if (!text.includes('"mode":"off"')) t.fail('an old bundle')
})

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

const snapshotHolder = { snapshot: () => SNAPSHOT, onMove: () => () => {}, freshness: () => 'fresh' as const }
const SNAPSHOT = snapshotOf({ 'model=q': { index: 3 } })
const config = { levels: ['model', 'task'] }
const onDisconnect = (): void => {}

t.test('a caller that has the bundle is recognised, also by a weak tag among others', async (t) => {
  const { get } = createBundleServer({ config, snapshotHolder })
  const { bundle, isKnown } = await get({ onDisconnect }, ANYBODY)
  t.notOk(isKnown)
  t.ok((await get({ onDisconnect, ifNoneMatch: `"other", W/${bundle.etag}` }, ANYBODY)).isKnown)
})

t.test('a prefix is refused if it is not a context key or belongs to others', async (t) => {
  const { get } = createBundleServer({ config, snapshotHolder })
  await t.rejects(get({ onDisconnect, prefix: 'colour=red' }, ANYBODY), { code: 'INVALID_CONTEXT_KEY' })
  await t.rejects(get({ onDisconnect, prefix: 'model=r' }, { tokenName: 'tenant', tokenPrefix: 'model=q' }), { code: 'FORBIDDEN' })
})

t.test('no bundle is served from a snapshot that is too old', async (t) => {
  const { get } = createBundleServer({ config, snapshotHolder: { ...snapshotHolder, freshness: () => 'too_old' as const } })
  await t.rejects(get({ onDisconnect }, ANYBODY), { code: 'SNAPSHOT_TOO_OLD' })
})

t.test('closing ends waits, and a closed connection ends its own', async (t) => {
  const server = createBundleServer({ config, snapshotHolder })
  const { bundle: { etag: ifNoneMatch } } = await server.get({ onDisconnect }, ANYBODY)
  let disconnect = onDisconnect
  const left = server.get({ ifNoneMatch, waitSeconds: 60, onDisconnect: (listener) => { disconnect = listener } }, ANYBODY)
  disconnect()
  t.ok((await left).isKnown)
  const waiting = server.get({ ifNoneMatch, waitSeconds: 60, onDisconnect }, ANYBODY)
  t.notOk(server.isClosing())
  server.close()
  t.ok((await waiting).isKnown)
  t.ok(server.isClosing())
  t.ok((await server.get({ ifNoneMatch, waitSeconds: 60, onDisconnect }, ANYBODY)).isKnown, 'no wait begins while the service closes')
})
