import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { BundleWaits } from '../../src/decisions/bundle-waits.js'
import { renderBundle } from '../../src/decisions/bundles.js'
import { snapshotOf } from '../core/decide/snapshot-of.js'

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
