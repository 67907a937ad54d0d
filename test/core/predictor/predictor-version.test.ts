import fc from 'fast-check'
import t from 'tap'
import { inOrder } from '../../../src/core/predictor/predictor-version.js'
import { holds } from '../../property.js'
import { versionOf } from '../../store/fixtures.js'

t.test('the newest is last, and of one moment those are by name', async (t) => {
  const versions = [versionOf('b', 5), versionOf('new', 6, 7), versionOf('a', 5), versionOf('z', 1)]
  t.same([...inOrder(versions)].map(([name]) => name), ['z', 'a', 'b', 'new'])
  t.equal(inOrder(versions).get('new'), versions[1])
  t.same(inOrder([]), new Map())
})

t.test('the order is one, in whatever order they come', async (t) => {
  const names = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 8 })
  const versions = names.chain((names) => fc.tuple(...names.map((name) => fc.nat(3).map((at) => versionOf(name, at)))))
  const shuffle = <T>(items: T[]) => fc.shuffledSubarray(items, { minLength: items.length })
  const shuffled = versions.chain((versions) => fc.tuple(fc.constant(versions), shuffle(versions)))
  holds(t, fc.property(shuffled, ([versions, others]) => { t.same([...inOrder(others).keys()], [...inOrder(versions).keys()]) }), 100)
})
