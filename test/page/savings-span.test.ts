import t from 'tap'
import { daysIn, daysOf, hoursIn, MS, pointsOf, rangeOfDays, rangeOfHours } from '../../src/page/savings-span.js'
import { example } from './replies.js'

const period = (at: string, tokens_saved: number | null) => ({ ...example('fleet').saved_by_hour[0]!, at, tokens_saved, tokens: 300 })
const seconds = (at: string) => Date.parse(at) / 1000

t.test('the line of savings breaks where no outcome came', async (t) => {
  const rows = [period('2026-11-30T01:00:00.000Z', 100), period('2026-11-30T02:00:00.000Z', null), period('2026-11-30T05:00:00.000Z', 300)]
  t.strictSame(pointsOf(rows, MS.hour), [
    [1, 2, 3, 5].map((hour) => seconds(`2026-11-30T0${hour}:00:00.000Z`)),
    [0.25, null, null, 0.5],
  ])
})

t.test('the axis covers the whole span, also with a single period', async (t) => {
  const at = '2026-11-30T05:59:02.819Z'
  const hours = [period('2026-11-29T04:00:00.000Z', 1), period('2026-11-29T05:00:00.000Z', 1), period('2026-11-30T05:00:00.000Z', 1)]
  const [since, until] = rangeOfHours(at)
  t.strictSame([since, until], [seconds('2026-11-29T04:00:00.000Z'), seconds('2026-11-30T06:00:00.000Z')])
  const shown = hoursIn({ saved_by_hour: hours, at })
  t.equal(shown.length, 2)
  t.ok(shown.every((row) => seconds(row.at) >= since && seconds(row.at) <= until))
})

t.test('a span of days ends with the present one, and the axis with the end of its last day', async (t) => {
  t.strictSame(daysOf('2026-11-30T23:59:59.999Z', 'week'), ['2026-11-23', '2026-11-30'])
  t.strictSame(rangeOfDays(['2026-11-23', '2026-11-30']), [seconds('2026-11-23T00:00:00.000Z'), seconds('2026-12-01T00:00:00.000Z')])
  t.match(daysIn(example('savings'))[0], { at: '2026-01-04T00:00:00.000Z', tokens_saved: 760_000 })
})
