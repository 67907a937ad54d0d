import fc from 'fast-check'
import t from 'tap'
import { advanceClock, NEW_CLOCK } from '../../../src/core/enrolment/follow-up-clock.js'
import { holds } from '../../property.js'

const GAP = 5000
const after = (...times: number[]) => times.reduce((clock, time) => advanceClock(clock, time, GAP), NEW_CLOCK)

t.test('rule 6: follow-up goes by the log\'s time, where a gap of more than 5 s counts as 5 s', async (t) => {
  t.equal(after(1000).passed, 0, 'the first entry starts it')
  t.equal(after(1000, 4000).passed, 3000)
  t.equal(after(1000, 6000).passed, 5000)
  t.equal(after(1000, 3_600_000).passed, 5000, 'an hour without an entry')
})

t.test('the clock does not go back where the log\'s time does', async (t) => {
  t.strictSame(after(4000, 1000), { time: 4000, passed: 0 })
  t.equal(after(4000, 1000, 4500).passed, 500, 'and counts no time twice')
})

t.test('the clock never outruns the log', async (t) => {
  holds(t, fc.property(fc.array(fc.nat(100_000), { minLength: 1 }), (times) => {
    const { passed, time } = after(...times)
    return passed >= 0 && time === Math.max(...times) && passed <= time - times[0]!
  }))
})
