import t from 'tap'
import { pointsOfMoves } from '../../src/page/moves.js'

t.test('the line of a threshold is drawn until its withdrawal, and never stop is no point', async (t) => {
  const at = (minute: number) => new Date(60_000 * minute).toISOString()
  const [times, values, withdrawn] = pointsOfMoves([
    { time: at(1), before: null, after: 0.9 }, { time: at(2), before: 0.9, after: null }, { time: at(3), before: null, after: 0.95 },
  ], 240)
  t.same(times, [60, 120, 120.001, 180, 240])
  t.same(values, [0.9, 0.9, null, 0.95, 0.95])
  t.same(withdrawn, [null, 0.9, null, null, null])
})
