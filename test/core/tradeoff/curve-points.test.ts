import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { curvePoints } from '../../../src/core/tradeoff/curve-points.js'
import { segmentsOf } from '../../../src/core/tradeoff/segments.js'
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
