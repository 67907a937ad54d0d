import t from 'tap'
import fc from 'fast-check'
import { fitLogistic, iterateAt, posteriorAt, type Prior, type Rows } from '../../../src/core/predictor/logistic-regression.js'
import { holds } from '../../property.js'

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
