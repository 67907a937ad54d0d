import fc from 'fast-check'
import t from 'tap'
import { inCreationOrder } from '../../../src/core/predictor/predictor-version.js'
import { holds } from '../../property.js'
import { versionOf } from '../../store/fixtures.js'

t.test('versions are sorted by creation time, then by name', async (t) => {
  const versions = [versionOf('b', 5), versionOf('new', 6, 7), versionOf('a', 5), versionOf('z', 1)]
  t.same([...inCreationOrder(versions)].map(([name]) => name), ['z', 'a', 'b', 'new'])
  t.equal(inCreationOrder(versions).get('new'), versions[1])
  t.same(inCreationOrder([]), new Map())
})

t.test('the order of the input does not matter', async (t) => {
  const names = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 8 })
  const versions = names.chain((names) => fc.tuple(...names.map((name) => fc.nat(3).map((at) => versionOf(name, at)))))
  const shuffle = <T>(items: T[]) => fc.shuffledSubarray(items, { minLength: items.length })
  const shuffled = versions.chain((versions) => fc.tuple(fc.constant(versions), shuffle(versions)))
  holds(t, fc.property(shuffled, ([versions, others]) => {
    t.same([...inCreationOrder(others).keys()], [...inCreationOrder(versions).keys()])
  }), 100)
})
