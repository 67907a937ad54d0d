import t from 'tap'
import { pointInForce } from '../../src/page/point-in-force.js'

const pointOf = (threshold: number | null, saved: number, drop: number) =>
  ({ threshold, tokens_saved_ratio: saved, em_drop: drop, em_drop_low: drop - 0.01, em_drop_high: drop + 0.01 }) as Parameters<typeof pointInForce>[0]['points'][number]
const points = [pointOf(null, 0, 0), pointOf(0.9, 0.5, 0), pointOf(0.8, 0.75, 0.04)]

t.test('the point in force is that of the threshold, which it may share with safer ones', async (t) => {
  t.equal(pointInForce({ points, threshold: null }), points[0])
  t.equal(pointInForce({ points, threshold: 0.9 }), points[1])
  t.equal(pointInForce({ points, threshold: 0.85 }), points[1])
  t.equal(pointInForce({ points: [], threshold: null }), undefined)
})
