import t from 'tap'
import { forgetStops, forgottenAt, isBlind, NO_SIGHT, noteStops, noteUnits, type Sight } from '../../../src/core/guards/sight.js'
import { mulberry32 } from '../../random.js'

const lost = (count: number) => new Array<boolean>(count).fill(false)
const seen = (count: number) => new Array<boolean>(count).fill(true)
const HALF_AN_HOUR = 1_800_000

t.test('law 2: the guards are blind once half of the newest 128 due units came to nothing', async (t) => {
  t.notOk(isBlind(NO_SIGHT), 'silence is not blindness')
  t.notOk(isBlind(noteUnits(NO_SIGHT, lost(63))), 'those that are not due yet count as seen')
  t.ok(isBlind(noteUnits(NO_SIGHT, lost(64))))
  t.ok(isBlind(noteUnits(NO_SIGHT, [...seen(1000), ...lost(64)])))
  t.notOk(isBlind(noteUnits(noteUnits(NO_SIGHT, [...lost(63), ...seen(65)]), lost(1))), 'the oldest gives way')
})

t.test('law 2: the guards see again once a quarter came to nothing', async (t) => {
  const blind = noteUnits(NO_SIGHT, lost(128))
  t.ok(isBlind(noteUnits(blind, seen(95))))
  t.notOk(isBlind(noteUnits(blind, seen(96))))
  t.notOk(isBlind(noteUnits(noteUnits(blind, seen(96)), lost(31))), 'and need another half to be blind')
})

t.test('law 2: a share of a half suspends once, and not again and again', async (t) => {
  const random = mulberry32(1)
  let [sight, flips] = [noteUnits(NO_SIGHT, lost(64)), 0]
  for (let i = 0; i < 20_000; i++) {
    const next = noteUnits(sight, [random() < 0.5])
    if (isBlind(next) !== isBlind(sight)) flips++
    sight = next
  }
  t.equal(flips, 0)
})

t.test('the ring counts what became of the newest 128, whatever came before', async (t) => {
  const random = mulberry32(2)
  const fates: boolean[] = []
  let sight: Sight = NO_SIGHT
  for (let i = 0; i < 1000; i++) {
    const more = Array.from({ length: Math.floor(200 * random() ** 4) }, () => random() < 0.7)
    fates.push(...more)
    sight = noteUnits(sight, more)
    t.equal(sight.units.nothing, fates.slice(-128).filter((isSeen) => !isSeen).length)
  }
  t.strictSame(JSON.parse(JSON.stringify(sight)), sight, 'it can be stored')
})

t.test('law 2: the guards are blind once half of the newest 128 stops were refused', async (t) => {
  t.notOk(isBlind(noteStops(NO_SIGHT, false, 0, 63)))
  t.ok(isBlind(noteStops(NO_SIGHT, false, 0, 64)))
  t.ok(isBlind(noteStops(NO_SIGHT, false, 0, 1e9)))
  t.notOk(isBlind(noteStops(noteStops(NO_SIGHT, false, 0, 1e9), true, 1, 96)))
})

t.test('law 2: refused stops are forgotten after half an hour without a stop, and one more suspends again', async (t) => {
  t.equal(forgottenAt(noteStops(NO_SIGHT, false, 5, 63)), Infinity)
  for (const refused of [64, 100, 128]) {
    const blind = noteStops(noteStops(NO_SIGHT, true, 0, 40), false, 5, refused)
    t.equal(forgottenAt(blind), HALF_AN_HOUR + 5)
    const returned = forgetStops(blind)
    t.notOk(isBlind(returned))
    t.equal(returned.stops.nothing, 63)
    t.notOk(isBlind(noteStops(returned, true, 6)))
    t.ok(isBlind(noteStops(returned, false, 6)))
    t.equal(noteStops(returned, true, 6, 128).stops.nothing, 0, 'a repaired worker leaves no trace')
  }
})
