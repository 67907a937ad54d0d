import t from 'tap'
import type { ContextHistory } from '../../src/page/api.js'
import { movesOf, pointsOfMoves } from '../../src/page/moves.js'

const at = (minute: number) => new Date(60_000 * minute).toISOString()
type Change = ContextHistory['changes'][number]

let rows = 0
const change = (minute: number, before: number | null, after: number | null, more: Partial<Change> = {}): Change =>
  ({ id: String(rows++), key: 'a', time: at(minute), cause: 'evidence', epoch: 1, version: 1, before, after, ...more })
const mode = (minute: number, before: 'enforce' | 'shadow' | 'off', after: 'enforce' | 'shadow' | 'off', key = 'a') =>
  ({ time: at(minute), key, before, after, by: 'ops' })

/** The moves of a context that enforces now. @param changes and modes oldest first */
const movesFrom = (changes: Change[], modes: ContextHistory['modes'] = [], present: { mode?: 'enforce' | 'shadow' | 'off', pinnedAt?: string | null } = {}) =>
  movesOf({ changes: changes.toReversed(), modes: modes.toReversed(), next: null }, { key: 'a', mode: 'enforce', pinnedAt: null, ...present })

t.test('the line of a threshold is drawn until its withdrawal, and never stop is no point', async (t) => {
  const [times, values, ends] = pointsOfMoves(movesFrom([change(1, null, 0.9), change(2, 0.9, null), change(3, null, 0.95)]), 240)
  t.same(times, [60, 120, 120.001, 180, 240])
  t.same(values, [0.9, 0.9, null, 0.95, 0.95])
  t.same(ends, [null, 0.9, null, null, null])
})

t.test('no line is drawn while the mode stops nothing, whatever the threshold', async (t) => {
  const changes = [change(1, null, 0.9), change(3, 0.9, 0.95)]
  const moves = movesFrom(changes, [mode(2, 'enforce', 'off', '*'), mode(4, 'off', 'enforce')])
  t.same(moves.map(({ key }) => key), ['a', '*', 'a', 'a'])
  const [times, values, ends] = pointsOfMoves(moves, 300)
  t.same(times, [60, 120, 120.001, 180, 240, 300])
  t.same(values, [0.9, 0.9, null, null, 0.95, 0.95])
  t.same(ends, [null, 0.9, null, null, null, null])
  t.same(pointsOfMoves(movesFrom(changes, [], { mode: 'shadow' }), 300)[1], [null, null, null], 'it has always been in shadow')
  t.same(pointsOfMoves(movesFrom(changes, [mode(2, 'off', 'enforce')], { mode: 'enforce' }), 300)[1], [null, 0.9, 0.95, 0.95])
})

t.test('a change that moves no threshold keeps the one in force', async (t) => {
  const pin = change(2, 0.1, 0.5, { cause: 'pin' })
  const policy = change(3, 0.1, 0.1, { cause: 'policy' })
  t.same(movesFrom([change(1, null, 0.1), pin, policy]).map(({ after }) => after), [0.1, 0.5, 0.5])
  t.same(movesFrom([change(1, null, 0.1), pin, policy, change(4, 0.1, 0.2)], [], { pinnedAt: 'a' }).map(({ after }) => after), [0.1, 0.5], 'under a pin')
  const own = change(3, 0.1, 0.1, { cause: 'policy', mode_before: 'enforce', mode_after: 'off' })
  t.same(movesFrom([change(1, null, 0.1), own], [mode(3, 'enforce', 'off')]).length, 2, 'the change of a mode is listed once')
  t.same(movesFrom([change(1, null, 0.1), change(1, 0.1, 0.2)]).map(({ after }) => after), [0.1, 0.2], 'of the same time')
  t.same(movesFrom([change(4, 0.1, 0.2)], [], { pinnedAt: 'a' }), [], 'the pin is older than the changes that are known')
})

t.test('where older changes are not known, neither are moves of the mode among them', async (t) => {
  const modes = [mode(1, 'enforce', 'off'), mode(3, 'off', 'enforce')].toReversed()
  const present = { key: 'a', mode: 'enforce', pinnedAt: null } as const
  t.same(movesOf({ changes: [change(2, 0.1, 0.2)], modes, next: 'x' }, present).map((move) => [move.after, move.mode_after]), [[0.2, 'off'], [0.2, 'enforce']])
})
