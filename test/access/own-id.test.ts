import t from 'tap'
import { ownId } from '../../src/access/own-id.js'

const bound = (tokenPrefix: string | null, tokenName = 'tenant') => ({ tokenName, tokenPrefix })

t.test('ids are a prefix\'s own, whichever of its tokens speaks', async (t) => {
  t.equal(ownId(undefined, 'g'), 'g')
  t.equal(ownId(bound(null), 'g'), 'g')
  t.equal(ownId(bound('model=q'), 'g'), ownId(bound('model=q', 'rotated'), 'g'))
  const ids = ['g', 'g2'].flatMap((id) => [null, 'model=q', 'model=q2', 'model=q,task=a'].map((prefix) => ownId(bound(prefix), id)))
  t.equal(new Set(ids).size, ids.length)
  t.ok(Buffer.byteLength(ownId(bound(`model=${'x'.repeat(384)}`), 'x'.repeat(128))) < 200, 'short, however long the prefix is')
})
