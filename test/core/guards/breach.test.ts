import t from 'tap'
import { type BreachHold, heldUntil, holdAfterBreach } from '../../../src/core/guards/breach.js'

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]
const POLICY = { follow_up_seconds: 1800, max_evidence_age_seconds: 7 * DAY / 1000 }

t.test('a hold lasts one follow-up, at least half an hour and at most a day', async (t) => {
  for (const [seconds, expected] of [[0, HOUR / 2], [60, HOUR / 2], [3600, HOUR], [200_000, DAY]] as const) {
    t.same(holdAfterBreach(null, 1000, { ...POLICY, follow_up_seconds: seconds }), { breaches: 1, until: 1000 + expected, is_over: false }, `${seconds}`)
  }
})

t.test('each breach in a row doubles the hold, up to a day', async (t) => {
  let hold: BreachHold | null = null
  let time = 0
  const lengths = Array.from({ length: 2000 }, () => {
    hold = { ...holdAfterBreach(hold, time, POLICY), is_over: true }
    const length = hold.until - time
    time = hold.until + 5 * MINUTE
    return length / MINUTE
  })
  t.same(lengths.slice(0, 8), [30, 60, 120, 240, 480, 960, 1440, 1440])
  t.equal(lengths.at(-1), 1440)
})

t.test('a breach later than one evidence age after the last hold is a first one again', async (t) => {
  const last = { breaches: 3, until: DAY, is_over: true }
  t.equal(holdAfterBreach(last, 8 * DAY - 1, POLICY).breaches, 4)
  t.equal(holdAfterBreach(last, 8 * DAY, POLICY).breaches, 1)
})

t.test('a hold ends when the learner says so', async (t) => {
  t.equal(heldUntil(null), null)
  t.equal(heldUntil({ breaches: 1, until: 5, is_over: false }), 5)
  t.equal(heldUntil({ breaches: 1, until: 5, is_over: true }), null)
})
