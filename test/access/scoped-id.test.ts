import t from 'tap'
import { ownId, scopedId } from '../../src/access/scoped-id.js'

const bound = (tokenPrefix: string | null, tokenName = 'tenant') => ({ tokenName, tokenPrefix })

t.test('ids belong to a prefix, whichever of its tokens is used', async (t) => {
  t.equal(scopedId(undefined, 'g'), 'g')
  t.equal(scopedId(bound(null), 'g'), 'g')
  t.equal(scopedId(bound('model=q'), 'g'), scopedId(bound('model=q', 'rotated'), 'g'))
  const ids = ['g', 'g2'].flatMap((id) => [null, 'model=q', 'model=q2', 'model=q,task=a'].map((prefix) => scopedId(bound(prefix), id)))
  t.equal(new Set(ids).size, ids.length)
  t.ok(Buffer.byteLength(scopedId(bound(`model=${'x'.repeat(384)}`), 'x'.repeat(128))) < 200, 'short, however long the prefix is')
})

t.test('a caller reads back the ids of its own prefix only', async (t) => {
  const mine = { tokenName: 'a', tokenPrefix: 'model=q' }
  const other = { tokenName: 'b', tokenPrefix: 'model=r' }
  const open = { tokenName: 'c', tokenPrefix: null }
  t.equal(ownId(mine, scopedId(mine, 'g')), 'g')
  t.equal(ownId(mine, scopedId(other, 'g')), null)
  t.equal(ownId(mine, 'g'), null)
  t.equal(ownId(open, 'g'), 'g')
  t.equal(ownId(open, scopedId(mine, 'g')), null)
})
