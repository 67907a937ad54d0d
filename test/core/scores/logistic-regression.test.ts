import fc from 'fast-check'
import t from 'tap'
import {
  cholesky, fitLogistic, inverseDiagonal, iterateAt, posteriorAt, type Prior, type Rows, solve,
} from '../../../src/core/scores/logistic-regression.js'
import { holds } from '../../property.js'

t.test('a system of equations worked by hand', async (t) => {
  const l = cholesky(Float64Array.of(4, 0, 2, 10), 2) // [[4, 2], [2, 10]] = L Lᵀ with L = [[2, 0], [1, 3]]
  t.strictSame([...l], [2, 0, 1, 3])
  t.strictSame([...solve(l, 2, Float64Array.of(8, 22))].map((x) => Math.round(x * 1e12) / 1e12), [1, 2])
  const diagonal = inverseDiagonal(l, 2) // The inverse is [[10, -2], [-2, 4]] / 36.
  t.ok(Math.abs(diagonal[0]! - 10 / 36) < 1e-12 && Math.abs(diagonal[1]! - 4 / 36) < 1e-12)
})

const numbersFrom = (count: number) => Array.from({ length: count }, (_, i) => i)

t.test('the solution x satisfies A x = b', async (t) => {
  const p = 5
  const number = fc.double({ min: -10, max: 10, noNaN: true })
  const numbers = (count: number) => fc.array(number, { minLength: count, maxLength: count })
  holds(t, fc.property(numbers(p * p), numbers(p), (m, b) => {
    const a = Float64Array.from({ length: p * p }, (_, at) => { // M Mᵀ + 1
      const [i, j] = [Math.floor(at / p), at % p]
      return numbersFrom(p).reduce((sum, k) => sum + m[i * p + k]! * m[j * p + k]!, i === j ? 1 : 0)
    })
    const x = solve(cholesky(a, p), p, Float64Array.from(b))
    return b.every((value, i) => Math.abs(x.reduce((sum, xj, j) => sum + a[i * p + j]! * xj, 0) - value) < 1e-6)
  }))
})

t.test('a singular matrix does not give NaN', async (t) => {
  t.ok(solve(cholesky(Float64Array.of(1, 1, 1, 1), 2), 2, Float64Array.of(1, 1)).every((x) => !Number.isNaN(x)))
})

const rowsOf = (rows: ReadonlyArray<readonly [x: readonly number[], y: number, weight: number]>): Rows => ({
  x: Float64Array.from(rows.flatMap(([x]) => x)),
  y: Uint8Array.from(rows, ([, y]) => y),
  weight: Float64Array.from(rows, ([, , weight]) => weight),
})
const flat = (p: number, variance: number): Prior => ({ mean: new Float64Array(p), variance: new Float64Array(p).fill(variance) })
const fit = (blocks: Rows[], prior: Prior, start = new Float64Array(prior.mean.length)) =>
  fitLogistic(blocks, prior, iterateAt(blocks, start))
const posteriorOf = (blocks: Rows[], weights: Float64Array, prior: Prior) => posteriorAt(iterateAt(blocks, weights), prior)
const close = (a: number, b: number, by = 1e-4) => Math.abs(a - b) < by

t.test('a 2x2 table gives its closed form: the log-odds and the log of the odds ratio', async (t) => {
  // 10 of 40 rows without the feature have y = 1, and 45 of 60 rows with it.
  const rows = rowsOf([[[1, 0], 1, 10], [[1, 0], 0, 30], [[1, 1], 1, 45], [[1, 1], 0, 15]])
  const { weights, variance } = fit([rows], flat(2, 1e12))
  t.ok(close(weights[0]!, Math.log(10 / 30)))
  t.ok(close(weights[1]!, Math.log((45 / 15) / (10 / 30))))
  t.ok(close(variance[0]!, 1 / 10 + 1 / 30), 'Woolf\'s variances')
  t.ok(close(variance[1]!, 1 / 10 + 1 / 30 + 1 / 45 + 1 / 15))
})

t.test('the gradient vanishes at the solution, from any start and for any division of the rows into blocks', async (t) => {
  const number = (min: number, max: number) => fc.double({ min, max, noNaN: true })
  const row = fc.tuple(fc.array(number(-3, 3), { minLength: 3, maxLength: 3 }), fc.integer({ min: 0, max: 1 }), number(0.1, 1))
  holds(t, fc.property(fc.array(row, { minLength: 2, maxLength: 30 }), number(-20, 20), (rows, start) => {
    const prior = { mean: Float64Array.of(0.5, -1, 0), variance: Float64Array.of(4, 0.5, 1e-3) }
    const { weights } = fit([rowsOf(rows.slice(1)), rowsOf(rows.slice(0, 1))], prior, new Float64Array(3).fill(start))
    return posteriorOf([rowsOf(rows)], weights, prior).gradient.every((slope) => Math.abs(slope) < 1e-3)
  }), 100)
})

t.test('the gradient matches finite differences of the loss', async (t) => {
  const rows = [rowsOf([[[1, 2], 1, 0.5], [[1, -40], 0, 1], [[1, 800], 1, 1]])]
  const prior = flat(2, 2)
  const at = Float64Array.of(0.3, -0.2)
  const { gradient } = posteriorOf(rows, at, prior)
  for (const j of [0, 1]) {
    const nudged = (by: number) => posteriorOf(rows, at.map((w, i) => i === j ? w + by : w), prior).loss
    t.ok(close((nudged(1e-6) - nudged(-1e-6)) / 2e-6, gradient[j]!, 1e-3))
  }
})

t.test('the fit ends where the likelihood has no maximum: separable rows, a constant feature, no rows', async (t) => {
  const separable = rowsOf(Array.from({ length: 40 }, (_, i) => [[1, i < 20 ? -1000 : 1000, 7], i < 20 ? 0 : 1, 1]))
  const { weights } = fit([separable], flat(3, 6))
  t.ok(weights.every(Number.isFinite) && weights[1]! > 0)
  t.strictSame([...fit([], { mean: Float64Array.of(1, 2), variance: Float64Array.of(1, 1) }).weights], [1, 2], 'without rows, the weights are the prior\'s mean')
})

t.test('a tighter prior keeps the weights closer to its mean', async (t) => {
  const rows = [rowsOf([[[1, 0], 1, 10], [[1, 0], 0, 30], [[1, 1], 1, 45], [[1, 1], 0, 15]])]
  const away = [1e-6, 0.01, 1, 1e6].map((variance) => Math.abs(fit(rows, flat(2, variance)).weights[1]!))
  t.strictSame([...away].sort((a, b) => a - b), away)
  t.ok(away[0]! < 1e-3 && away[3]! > 2)
})
