import fc from 'fast-check'
import t from 'tap'
import { addProducts, NO_PRODUCTS, productsOf, squaresAbout } from '../../../src/core/stats/weighted-sums.js'
import { holds } from '../../property.js'

const values = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 8 })

t.test('the products of a unit are those of its number of samples and their sum, however they came one by one', async (t) => {
  holds(t, fc.property(values, fc.integer({ min: 1, max: 50 }), (unit, weight) => {
    let sum = NO_PRODUCTS
    for (const [i, value] of unit.entries()) {
      sum = addProducts(sum, productsOf(value, { samples: i, sum: unit.slice(0, i).reduce((a, b) => a + b, 0) }), weight)
    }
    const [n, total] = [unit.length, unit.reduce((a, b) => a + b, 0)]
    return sum.nn === weight * n * n && sum.nt === weight * n * total && sum.tt === weight * total * total
  }))
})

t.test('squares about a mean are those of the units', async (t) => {
  holds(t, fc.property(fc.array(values, { minLength: 1, maxLength: 5 }), fc.integer({ min: -20, max: 20 }), (units, mean) => {
    let sum = NO_PRODUCTS
    let expected = 0
    for (const unit of units) {
      const [n, total] = [unit.length, unit.reduce((a, b) => a + b, 0)]
      sum = addProducts(sum, { nn: n * n, nt: n * total, tt: total * total }, 1)
      expected += (total - mean * n) ** 2
    }
    return Math.abs(squaresAbout(mean, sum) - expected) <= 1e-6 * Math.max(1, expected)
  }))
})
