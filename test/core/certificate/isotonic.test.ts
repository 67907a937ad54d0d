import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { isotonic, isotonicBlocks } from '../../../src/core/certificate/isotonic.js'
import { holds } from '../../property.js'

t.test('isotonic regression gives the results worked out by hand', async (t) => {
  t.strictSame(isotonic([1, 2, 3], [1, 1, 1]), [1, 2, 3], 'in order: as it is')
  t.strictSame(isotonic([3, 1, 2], [1, 1, 1]), [2, 2, 2], '3 and 1 make 2, which 2 is not above')
  t.strictSame(isotonic([4, 0, 3], [1, 3, 1]), [1, 1, 3], '(4 + 3 * 0) / 4 = 1')
  t.strictSame(isotonicBlocks([1, 5, 3], [1, 1, 3]), [{ from: 0, to: 0, value: 1, weight: 1 }, { from: 1, to: 2, value: 3.5, weight: 4 }])
  t.strictSame(isotonic([], []), [])
})

const weighted = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 12 })

/** Max-min formula of isotonic regression (Robertson, Wright & Dykstra 1988, theorem 1.4.4). */
function maxMin (values: readonly number[], weights: readonly number[], i: number): number {
  const mean = (from: number, to: number) => {
    let [sum, weight] = [0, 0]
    for (let j = from; j <= to; j++) { sum += values[j]! * weights[j]!; weight += weights[j]! }
    return sum / weight
  }
  const lower = (from: number) => Math.min(...values.slice(i).map((_, j) => mean(from, i + j)))
  return Math.max(...values.slice(0, i + 1).map((_, from) => lower(from)))
}

t.test('the fit is the least-squares one, and the last value of a block is never above the block\'s', async (t) => {
  holds(t, fc.property(weighted, (pairs) => {
    const [values, weights] = [pairs.map(([value]) => value), pairs.map(([, weight]) => weight)]
    const fit = isotonic(values, weights)
    for (const [i, value] of fit.entries()) assert.ok(Math.abs(value - maxMin(values, weights, i)) < 1e-9)
    for (const { to, value } of isotonicBlocks(values, weights)) assert.ok(values[to]! <= value + 1e-9)
  }))
})
