import t from 'tap'
import { isCertified, JUDGES, NO_DROP, THREE_POINTS, upperLimit } from './judges.js'

const certified = (run: Omit<Parameters<typeof isCertified>[0], 'audited'>, runs = 60) =>
  Array.from({ length: runs }, (_, i) => i + 1).filter((seed) => isCertified({ audited: 600, ...run }, seed)).length

t.test('a judge that favours early answers certifies a drop of 1.5 times the bound, unless losses and gains are corrected', async (t) => {
  const judge = JUDGES['one-sided: for the early answer']
  t.ok(certified({ truth: THREE_POINTS, judge, rate: 0.3, correction: 'none' }) >= 55)
  t.ok(certified({ truth: THREE_POINTS, judge, rate: 0.3, correction: 'losses' }) >= 10, 'a correction of the losses alone is not enough')
  t.ok(certified({ truth: THREE_POINTS, judge, rate: 0.3, correction: 'losses and gains' }) <= 3)
})

t.test('the correction leaves what a judge of few errors certifies', async (t) => {
  const run = { truth: NO_DROP, rate: 0.05, correction: 'losses and gains' as const }
  for (const judge of Object.values(JUDGES)) t.ok(certified({ ...run, judge }, 20) >= 18)
})

t.test('the upper limit solves its equation', async (t) => {
  t.ok(Math.abs(upperLimit(0, 100, 0.01) - (1 - 0.01 ** (1 / 100))) < 1e-9)
  t.equal(upperLimit(3, 3, 0.01), 1)
})
