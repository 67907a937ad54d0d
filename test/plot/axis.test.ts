import fc from 'fast-check'
import t from 'tap'
import { axisOf } from '../../src/plot/axis.js'
import { holds } from '../property.js'

t.test('ticks are round values, and the ends are ticks or the extreme values', async (t) => {
  const em = axisOf([40.2, 70.7], 300, 100, { atLeast: 5, marks: 5 })
  t.same(em.ticks, [40, 50, 60, 70, 80])
  t.same([em.at(40), em.at(80), em.at(60)], [300, 100, 200])
  const steps = axisOf([250, 7500], 0, 100, { atLeast: 10, marks: 9, isTight: true })
  t.same(steps.ticks, [1000, 2000, 3000, 4000, 5000, 6000, 7000])
  t.same([steps.at(250), steps.at(7500)], [0, 100])
  t.same(axisOf([0.1, 0.3], 0, 1, { atLeast: 0.1, marks: 2 }).ticks, [0.1, 0.2, 0.3], 'no 0.30000000000000004')
})

t.test('a single value has room around it, but not below 0', async (t) => {
  const one = axisOf([250], 0, 100, { atLeast: 10, marks: 5, isTight: true })
  t.same(one.ticks, [250], 'there is only one step')
  t.equal(one.at(250), 50)
  t.same(axisOf([0], 0, 100, { atLeast: 5, marks: 5 }).ticks[0], 0)
  t.same(axisOf([3, 5], 0, 100, { atLeast: 1, marks: 50, isTight: true }).ticks, [3, 4, 5], 'steps are integers')
})

t.test('every value lies between the ends, and order is preserved', async (t) => {
  const values = fc.array(fc.double({ min: 0, max: 1e15, noNaN: true }), { minLength: 1, maxLength: 20 })
  holds(t, fc.property(values, fc.boolean(), (some, isTight) => {
    const { ticks, at } = axisOf(some, 0, 100, { atLeast: 5, marks: 6, isTight })
    const places = some.toSorted((a, b) => a - b).map(at)
    return ticks.length <= 20 && places.every((place, i) => place > -1e-6 && place < 100 + 1e-6 && (i === 0 || place >= places[i - 1]!))
  }))
})
