import t from 'tap'
import { movesOf, pointsOfMoves } from '../../src/page/moves.js'

t.test('the line of a threshold is drawn until its withdrawal, and never stop is no point', async (t) => {
  const at = (minute: number) => new Date(60_000 * minute).toISOString()
  const [times, values, ends] = pointsOfMoves([
    { key: 'a', time: at(1), before: null, after: 0.9 }, { key: 'a', time: at(2), before: 0.9, after: null }, { key: 'a', time: at(3), before: null, after: 0.95 },
  ], 240)
  t.same(times, [60, 120, 120.001, 180, 240])
  t.same(values, [0.9, 0.9, null, 0.95, 0.95])
  t.same(ends, [null, 0.9, null, null, null])
})

t.test('no line is drawn while the mode stops nothing, whatever the threshold', async (t) => {
  const at = (minute: number) => new Date(60_000 * minute).toISOString()
  const moves = [
    { key: 'a', time: at(1), before: null, after: 0.9 },
    { key: 'a', time: at(2), before: 0.9, after: 0.9, mode_before: 'enforce', mode_after: 'off' },
    { key: 'a', time: at(3), before: 0.9, after: 0.95 },
    { key: 'a', time: at(4), before: 0.95, after: 0.95, mode_before: 'off', mode_after: 'enforce' },
  ] as const
  const [times, values, ends] = pointsOfMoves(moves, 300)
  t.same(times, [60, 120, 120.001, 180, 240, 300])
  t.same(values, [0.9, 0.9, null, null, 0.95, 0.95])
  t.same(ends, [null, 0.9, null, null, null, null])
  t.same(pointsOfMoves(moves.slice(2), 300)[1], [null, 0.95, 0.95], 'the mode before is that of the first move that states one')
  const atRoot = [
    { key: 'a', time: at(1), before: null, after: 0.9, mode_before: 'enforce', mode_after: 'shadow' },
    { key: '*', time: at(2), before: 0.9, after: 0.9, mode_before: 'enforce', mode_after: 'off' },
    { key: 'a', time: at(3), before: 0.9, after: 0.9, mode_before: 'off', mode_after: 'enforce' },
    { key: '*', time: at(4), before: 0.9, after: 0.9, mode_before: 'off', mode_after: 'enforce' },
  ] as const
  t.same(pointsOfMoves(atRoot, 300)[1], [null, null, null, 0.9, 0.9], 'off at the root overrides the mode of the context')
})

t.test('a change of the mode above moves no threshold', async (t) => {
  const time = new Date(0).toISOString()
  const changes = [
    { key: 'a', time, before: 0.8, after: 0.9 },
    { key: '*', time, before: null, after: null, mode_before: 'enforce', mode_after: 'off' },
    { key: 'a', time, before: 0.7, after: 0.8 },
    { key: '*', time, before: null, after: null, mode_before: 'off', mode_after: 'enforce' },
  ] as const
  t.same(movesOf('a', changes).map(({ before, after }) => [before, after]), [[0.7, 0.7], [0.7, 0.8], [0.8, 0.8], [0.8, 0.9]])
  t.same(movesOf('b', changes.slice(1, 2)).map(({ before, after }) => [before, after]), [[null, null]])
})
