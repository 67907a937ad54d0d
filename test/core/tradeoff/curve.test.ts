import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { emDropInterval } from '../../../src/core/certificate/em-drop-interval.js'
import { emDrop, NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { curvePoints, predictedDrop, priceBetween, segmentsOf } from '../../../src/core/tradeoff/curve.js'
import { holds } from '../../property.js'
import { anyEvidence } from '../certificate/random-evidence.js'
import { isClose, stairs } from './stairs.js'

const pointsIn = (evidence: Parameters<typeof segmentsOf>[0], ceiling = -1) =>
  curvePoints({ score: 'confidence', evidence, grid: GRID, bar: Math.log(20), index: -1, suspicion: 1 }, segmentsOf(evidence), ceiling)

t.test('the curve leads from never stopping to the loosest threshold', async (t) => {
  const points = pointsIn({ ...stairs([0, 10, 40]), unprobed: GRID.map((_, k) => k) }, 10)
  t.strictSame(points.map(({ threshold }) => threshold), [null, ...GRID])
  t.match(points[0], { tokens_saved_ratio: 0, em_drop: 0, em_drop_predicted: 0, generations_changed: 0 })
  t.match(points[11], { threshold: GRID[10], em_drop: 0.01, generations_changed: 10, unprobed_ratio: 0.01, certified: true })
  t.match(points[12], { certified: false })
  t.ok(isClose(points[15]!.em_per_token_percent!.estimate, 0.0005), 'the price of the segment that leads to it')
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
  t.equal(pointsIn(NO_EVIDENCE)[30]!.em_per_token_percent, null)
})

t.test('an example by hand: 20, 40 and 60 % of tokens cost 0, 1 and 4 points', async (t) => {
  const evidence = stairs([0, 10, 40])
  const segments = segmentsOf(evidence)
  t.strictSame(segments.map(({ from, to }) => [from, to]), [[-1, 0], [0, 10], [10, 20]], 'thresholds that save no more tokens add no segment')
  const prices = [0, 0.01 / 20, 0.03 / 20]
  for (const [i, { saved, price }] of segments.entries()) t.ok(isClose(saved, 0.2) && isClose(price, prices[i]!), `${price}`)
  for (const k of [0, 5, 10, 19, 20, 29]) t.ok(isClose(predictedDrop(evidence, segments, k), emDrop(evidence, k)), 'a convex curve is left as it is')
})

t.test('an example by hand: an expensive segment before a cheaper one is pooled with it', async (t) => {
  const evidence = stairs([20, 10, 40])
  const segments = segmentsOf(evidence)
  t.strictSame(segments.map(({ from, to }) => [from, to]), [[-1, 10], [10, 20]])
  t.ok(isClose(segments[0]!.price, 0.01 / 40), '1 point for 40 %')
  t.ok(isClose(predictedDrop(evidence, segments, 0), 0.005), 'half of the pooled drop, where 2 points were observed')
})

t.test('the smoothed curve is convex, lies below the observed one, and meets it at the ends of segments', async (t) => {
  holds(t, fc.property(anyEvidence, (evidence) => {
    const segments = segmentsOf(evidence)
    for (const [i, { price, saved }] of segments.entries()) assert.ok(saved > 0 && price > (segments[i - 1]?.price ?? -Infinity))
    for (const { to } of segments) assert.ok(isClose(predictedDrop(evidence, segments, to), emDrop(evidence, to)))
    for (const [k, tokens] of evidence.tokens.entries()) {
      const isFirst = tokens < (evidence.tokens[k - 1] ?? evidence.full_tokens) // of the thresholds that save as many tokens
      if (isFirst) assert.ok(predictedDrop(evidence, segments, k) <= emDrop(evidence, k) + 1e-9)
    }
  }))
})

t.test('a price has the interval of the changes between two thresholds, and there is none with too little data', async (t) => {
  const evidence = stairs([0, 10, 40])
  const { low, high } = emDropInterval({ lost: 30, kept: 970, gained: 0 }, 0.05)
  const price = priceBetween(evidence, 10, 20, 0.05)!
  t.ok(isClose(price.estimate, 0.0015) && isClose(price.low, low / 20) && isClose(price.high, high / 20), JSON.stringify(price))
  t.equal(priceBetween(evidence, 10, 15, 0.05), null, 'no tokens saved')
  t.equal(priceBetween(stairs([0, 0, 1], 29), 10, 20, 0.05), null, 'too few generations')
  t.strictSame(segmentsOf(NO_EVIDENCE), [])
})
