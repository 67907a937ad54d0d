import t from 'tap'
import { certifiedRuns, jobsOf, type Moving, secondsToCertificate, steadyAt, trickleAndBurst } from './moving-traffic.js'

// Rule E8, seeded. `npm run simulations span` measures how often it errs.

const SPAN = 1800
const falsely = (traffic: Moving, more: Partial<Parameters<typeof certifiedRuns>[0]> = {}) =>
  certifiedRuns({ traffic, span: SPAN, seconds: 3600, ...more }, 5)

t.test('E8: steady traffic is certified once the span is over, and at half of the bound within an hour', async (t) => {
  const minutes = (drop: number) => secondsToCertificate({ traffic: steadyAt(drop), span: SPAN, seconds: 7200 }, 1)! / 60
  const lossless = minutes(0)
  t.ok(lossless >= 30 && lossless < 32, `after ${lossless} minutes`)
  const lossy = minutes(0.01)
  t.ok(lossy >= 30 && lossy < 60, `after ${lossy} minutes`)
  t.equal(falsely(steadyAt(0.04)), 0)
})

t.test('E8: jobs that lose nothing do not certify for those that lose 8 points', async (t) => {
  t.equal(falsely(jobsOf(500, 0.04)), 0)
  t.ok(falsely(jobsOf(500, 0.04), { span: 0 }) > 0)
})

t.test('E8: a trickle and a busy minute do not pass for an hour, since no sixth of a span holds a quarter', async (t) => {
  t.equal(falsely(trickleAndBurst), 0)
  t.equal(falsely(trickleAndBurst, { without: 'quarter' }), 5)
})

t.test('E8: easy tests do not certify for harder traffic that is already known', async (t) => {
  const harder: Moving = () => (second) => second < 1740 ? { perSecond: 1, drop: 0 } : { perSecond: 2, drop: 0.06 }
  t.ok(falsely(harder) < falsely(harder, { without: 'known' }) - 2)
})
