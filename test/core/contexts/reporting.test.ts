import t from 'tap'
import { advanceReporting, AUTO_REPORTS, isWeighed, mustReport, NO_REPORTING, reportsInForce, reportWeight } from '../../../src/core/contexts/reporting.js'
import { mulberry32 } from '../../random.js'

const AUTO = { reports: 'auto', follow_up_seconds: 1800 } as const
const MINUTE = 60_000
const T0 = 1_000_000

/** The state after minutes with so many generations a second. */
function afterRates (...rates: readonly number[]) {
  let reporting = advanceReporting(NO_REPORTING, AUTO, 1, T0)
  for (const [i, rate] of rates.entries()) reporting = advanceReporting(reporting, AUTO, 60 * rate, T0 + (i + 1) * MINUTE)
  return reporting
}

t.test('by default only enrolled generations report from 100 a second on, until there are fewer than 50', async (t) => {
  t.strictSame(AUTO_REPORTS, { enrolledFrom: 100, allBelow: 50 })
  t.equal(afterRates(99).mode, 'all')
  t.match(afterRates(100), { mode: 'enrolled', rate: 100, weighed_until: 0 })
  t.equal(afterRates(99, 100, 50).mode, 'enrolled', 'it does not alternate near the limit')
  t.match(afterRates(100, 49), { mode: 'all', rate: 49, weighed_until: T0 + 2 * MINUTE + 1_800_000 })
})

t.test('a minute that is not over changes nothing', async (t) => {
  const first = advanceReporting(NO_REPORTING, AUTO, 1, T0)
  t.match(first, { mode: 'all', rate: null })
  t.match(advanceReporting(first, AUTO, 1e6, T0 + MINUTE - 1), { mode: 'all', rate: null, generations: 1e6 })
})

t.test('a stated policy takes effect at once', async (t) => {
  const enrolled = advanceReporting(NO_REPORTING, { ...AUTO, reports: 'enrolled' }, 1, T0)
  t.equal(enrolled.mode, 'enrolled')
  t.match(advanceReporting(enrolled, { ...AUTO, reports: 'all' }, 1, T0 + 1), { mode: 'all', weighed_until: T0 + 1 + 1_800_000 })
  t.equal(reportsInForce({ reports: 'enrolled' }), 'enrolled')
  t.equal(reportsInForce({ reports: 'all' }, 'enrolled'), 'all')
  t.equal(reportsInForce({ reports: 'auto' }), 'all', 'before any outcome')
})

t.test('outcomes are weighed for one follow-up after all report again: their generations may have begun before', async (t) => {
  const back = afterRates(100, 49)
  t.ok(isWeighed(back, AUTO, back.weighed_until - 1))
  t.notOk(isWeighed(back, AUTO, back.weighed_until))
  t.ok(isWeighed(afterRates(100), AUTO, T0))
  t.ok(isWeighed(NO_REPORTING, { ...AUTO, reports: 'enrolled' }, T0), 'the policy is new')
  t.notOk(isWeighed(NO_REPORTING, AUTO, T0))
})

t.test('as many treated generations as control ones report, in the share that label_rate enrols', async (t) => {
  t.ok(mustReport(0.39, 0.4, 0.2, 0.5))
  t.notOk(mustReport(0.4, 0.4, 0.2, 0.5))
  t.notOk(mustReport(0.39, 0.5, 0.2, 0.5))
})

t.test('weights add up to the number of treated generations, whatever the share and label_rate', async (t) => {
  const random = mulberry32(5)
  for (const [share, rate] of [[0.02, 1], [0.2, 0.5], [0.5, 1], [0.8, 0.25]] as const) {
    let [treated, weights] = [0, 0]
    for (let i = 0; i < 200_000; i++) {
      const draw = { u: random(), hash: random() }
      if (draw.u >= share) treated++
      weights += reportWeight(draw, share, rate)
    }
    t.ok(Math.abs(weights / treated - 1) < 0.05, `${share}, ${rate}: ${weights / treated}`)
  }
  t.equal(reportWeight({ u: 0.01, hash: 0 }, 0.02, 1), 0, 'a control draw')
  t.equal(reportWeight({ u: 0.03, hash: 0 }, 0.02, 1), 49)
})
