import t from 'tap'
import { intern } from '../../src/store/encoding/context-states.js'

t.test('equal values become one frozen object', async (t) => {
  const first = intern({ a: 1, b: 'x' })
  t.strictSame(first, { a: 1, b: 'x' })
  t.equal(intern({ a: 1, b: 'x' }), first)
  t.not(intern({ a: 1, b: 'y' }), first)
  t.ok(Object.isFrozen(first))
  t.equal(intern(undefined), undefined)
})

t.test('the table of known values is bounded', async (t) => {
  const first = intern({ n: 0 })
  const wrong = Array.from({ length: 5000 }, (_, n) => n).filter((n) => n > 0 && intern({ n }).n !== n)
  t.same(wrong, [])
  t.not(intern({ n: 0 }), first, 'the first is long forgotten')
})
