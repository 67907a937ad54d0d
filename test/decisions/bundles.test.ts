import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { renderBundle } from '../../src/decisions/bundles.js'
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
