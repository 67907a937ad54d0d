import fc from 'fast-check'
import t from 'tap'
import { normal } from '../../../src/cli/traces/seeded-random.js'
import { lineAt, rankAt, theilSen } from '../../../src/core/training/trend.js'
import { holds } from '../../property.js'
import { atMost, rateOf } from '../../random.js'

t.test('ranks follow Kendall\'s exact distribution (Hollander & Wolfe 1973, table A.21: P(K >= 8 | n = 5) = 0.042, P(K >= 10) = 0.0083)', async (t) => {
  t.equal(rankAt(4, 0.05), 0, '4 points are in order by chance once in 12')
  t.equal(rankAt(5, 0.05), 1, '2 x 0.0083 is below 0.05, 2 x 0.042 above')
  t.equal(rankAt(5, 0.0833 + 1e-3), 2)
  t.equal(rankAt(1, 0.05), 0)
})

t.test('the slope of a line is recovered despite an outlier', async (t) => {
  const xs = [0, 250, 500, 750, 1000, 1250]
  const ys = xs.map((x) => 3 + 0.01 * x)
  t.match(theilSen(xs, ys), { slope: 0.01, points: 6 })
  const wild = theilSen(xs, ys.with(3, 1e6))!
  t.ok(Math.abs(wild.slope - 0.01) < 1e-9)
  t.ok(Math.abs(lineAt(xs, ys.with(3, -1e6), 0.01, 1500) - 18) < 1e-9)
  t.equal(theilSen([1], [1]), null)
  t.equal(theilSen([1, 1], [1, 2]), null)
  t.match(theilSen([1, 2, 3], [1, 2, 3]), { slope: 1, low: -Infinity, high: Infinity }, 'too few points for an interval')
})

t.test('shifting and scaling the data scales the slope', async (t) => {
  const ys = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 6, maxLength: 12 })
  holds(t, fc.property(ys, fc.integer({ min: 1, max: 9 }), fc.integer({ min: -50, max: 50 }), (ys, factor, shift) => {
    const xs = ys.map((_, i) => i)
    const a = theilSen(xs, ys)!
    const b = theilSen(xs.map((x) => x + shift), ys.map((y) => factor * y + shift))!
    return Math.abs(b.slope - factor * a.slope) < 1e-9 && Math.abs(b.low - factor * a.low) < 1e-9 && a.low <= a.slope && a.slope <= a.high
  }))
})

t.test('the interval misses the true slope at most at its level', async (t) => {
  for (const [n, level] of [[6, 0.05], [10, 0.05], [14, 0.05 / 3]] as const) {
    const missed = rateOf(3000, (random) => {
      const xs = Array.from({ length: n }, (_, i) => i)
      const { low, high } = theilSen(xs, xs.map((x) => 0.3 * x + normal(random)), level)!
      return low > 0.3 || high < 0.3
    })
    t.ok(missed <= atMost(level, 3000), `${n} points: ${missed}`)
  }
})

t.test('pairs with equal x count as if their slope could be anything', async (t) => {
  const at = (xs: readonly number[]) => theilSen(xs, xs.map((_, i) => i))!
  t.match(at([0, 1, 2, 3, 4, 5, 6, 7]), { low: 1, high: 1 })
  t.match(at([0, 0, 0, 0, 1, 1, 1, 1]), { slope: 4, low: -Infinity, high: Infinity }, '12 of 28 pairs')
})
