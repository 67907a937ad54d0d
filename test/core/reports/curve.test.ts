import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { emDrop } from '../../../src/core/stats/evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { curvePoints, isotonicBlocks, predictedDrop, segmentsOf } from '../../../src/core/reports/curve.js'
import { holds } from '../../property.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import { anyEvidence } from '../stats/random-evidence.js'
import { isClose, stairs } from './stairs.js'

const pointsIn = (evidence: Parameters<typeof segmentsOf>[0], ceiling = -1) =>
  curvePoints({ score: 'confidence', accounted: evidence, grid: GRID, bar: Math.log(20), index: -1, suspicion: 1 }, segmentsOf(evidence), ceiling)

t.test('the curve leads from never stopping to the loosest threshold', async (t) => {
  const points = pointsIn({ ...stairs([0, 10, 40]), unprobed: GRID.map((_, k) => k) }, 10)
  t.strictSame(points.map(({ threshold }) => threshold), [null, ...GRID])
  t.match(points[0], { tokens_saved_ratio: 0, em_drop: 0, em_drop_predicted: 0, generations_changed: 0 })
  t.match(points[11], { threshold: GRID[10], em_drop: 0.01, generations_changed: 10, unprobed_ratio: 0.01, certified: true })
  t.match(points[12], { certified: false })
})

t.test('intervals contain the estimates, tokens saved increase, and without evidence intervals are as wide as possible', async (t) => {
  holds(t, fc.property(anyEvidence, (evidence) => {
    const points = pointsIn(evidence)
    for (const [i, point] of points.entries()) {
      const { tokens_saved_ratio: saved, em_drop: drop } = point
      if (i > 0) assert.ok(saved >= points[i - 1]!.tokens_saved_ratio)
      assert.ok(point.tokens_saved_low <= saved + 1e-6 && saved <= point.tokens_saved_high + 1e-6)
      assert.ok(point.em_drop_low <= drop + 1e-6 && drop <= point.em_drop_high + 1e-6)
    }
  }), 10)
  t.match(pointsIn(NO_EVIDENCE)[30], { em_drop: 0, em_drop_low: -1, em_drop_high: 1, tokens_saved_low: 0, tokens_saved_high: 1 })
})

t.test('an example by hand: 20, 40 and 60 % of tokens cost 0, 1 and 4 points', async (t) => {
  const evidence = stairs([0, 10, 40])
  const segments = segmentsOf(evidence)
  t.strictSame(segments.map(({ from, to }) => [from, to]), [[-1, 0], [0, 10], [10, 20]], 'thresholds that save no more tokens add no segment')
  const slopes = [0, 0.05, 0.15]
  for (const [i, { saved, slope }] of segments.entries()) t.ok(isClose(saved, 0.2) && isClose(slope, slopes[i]!), `${slope}`)
  for (const k of [0, 5, 10, 19, 20, 29]) t.ok(isClose(predictedDrop(evidence, segments, k), emDrop(evidence, k)), 'a convex curve is left as it is')
})

t.test('an example by hand: an expensive segment before a cheaper one is pooled with it', async (t) => {
  const evidence = stairs([20, 10, 40])
  const segments = segmentsOf(evidence)
  t.strictSame(segments.map(({ from, to }) => [from, to]), [[-1, 10], [10, 20]])
  t.ok(isClose(segments[0]!.slope, 0.01 / 0.4), '1 point for 40 %')
  t.ok(isClose(predictedDrop(evidence, segments, 0), 0.005), 'half of the pooled drop, where 2 points were observed')
})

t.test('the smoothed curve is convex, lies below the observed one, and meets it at the ends of segments', async (t) => {
  holds(t, fc.property(anyEvidence, (evidence) => {
    const segments = segmentsOf(evidence)
    for (const [i, { slope, saved }] of segments.entries()) assert.ok(saved > 0 && slope > (segments[i - 1]?.slope ?? -Infinity))
    for (const { to } of segments) assert.ok(isClose(predictedDrop(evidence, segments, to), emDrop(evidence, to)))
    for (const [k, tokens] of evidence.tokens.entries()) {
      const isFirst = tokens < (evidence.tokens[k - 1] ?? evidence.full_tokens) // of the thresholds that save as many tokens
      if (isFirst) assert.ok(predictedDrop(evidence, segments, k) <= emDrop(evidence, k) + 1e-9)
    }
  }))
})

/** The non-decreasing fit, value by value. */
function fitOf (values: readonly number[], weights: readonly number[]): number[] {
  return isotonicBlocks(values, weights).flatMap(({ from, to, value }) => new Array<number>(to - from + 1).fill(value))
}

t.test('isotonic regression gives the results worked out by hand', async (t) => {
  t.strictSame(fitOf([1, 2, 3], [1, 1, 1]), [1, 2, 3], 'in order: as it is')
  t.strictSame(fitOf([3, 1, 2], [1, 1, 1]), [2, 2, 2], '3 and 1 make 2, which 2 is not above')
  t.strictSame(fitOf([4, 0, 3], [1, 3, 1]), [1, 1, 3], '(4 + 3 * 0) / 4 = 1')
  t.strictSame(isotonicBlocks([1, 5, 3], [1, 1, 3]), [{ from: 0, to: 0, value: 1, weight: 1 }, { from: 1, to: 2, value: 3.5, weight: 4 }])
  t.strictSame(fitOf([], []), [])
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
    const fit = fitOf(values, weights)
    for (const [i, value] of fit.entries()) assert.ok(Math.abs(value - maxMin(values, weights, i)) < 1e-9)
    for (const { to, value } of isotonicBlocks(values, weights)) assert.ok(values[to]! <= value + 1e-9)
  }))
})

t.test('without evidence the curve has no segments', async (t) => {
  t.strictSame(segmentsOf(NO_EVIDENCE), [])
})
