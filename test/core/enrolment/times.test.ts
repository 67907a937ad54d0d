import t from 'tap'
import { ENROLMENT_TIMES, scaledTimes } from '../../../src/core/enrolment/times.js'

t.test('an outcome waits for its entry longer than a list may be under way', async (t) => {
  t.ok(ENROLMENT_TIMES.wait > ENROLMENT_TIMES.oldestList)
  t.ok(ENROLMENT_TIMES.oldestList > ENROLMENT_TIMES.appendTimeout + ENROLMENT_TIMES.listEvery, 'a list that was given up once may be sent again')
})

t.test('all times scale together', async (t) => {
  t.strictSame(scaledTimes(1), ENROLMENT_TIMES)
  const scaled = scaledTimes(0.01)
  for (const [name, ms] of Object.entries(ENROLMENT_TIMES)) t.equal(scaled[name as keyof typeof scaled], ms * 0.01, name)
})
