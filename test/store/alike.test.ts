import t from 'tap'
import { alike } from '../../src/store/alike.js'

t.test('what says the same is the same, and can\'t be changed under the others', async (t) => {
  const first = alike({ a: 1, b: 'x' })
  t.strictSame(first, { a: 1, b: 'x' })
  t.equal(alike({ a: 1, b: 'x' }), first)
  t.not(alike({ a: 1, b: 'y' }), first)
  t.ok(Object.isFrozen(first))
  t.equal(alike(undefined), undefined)
})

t.test('it does not grow without bound', async (t) => {
  const first = alike({ n: 0 })
  for (let n = 1; n < 5000; n++) t.equal(alike({ n }).n, n)
  t.not(alike({ n: 0 }), first, 'the first is long forgotten')
})
