import t from 'tap'
import { losslessUnits, reaches } from '../../../src/core/stats/certificate.js'
import { testedLevel } from '../../../src/core/stats/error-budget.js'
import { auditedGains, testedBound, trueDrop } from '../../../src/core/stats/judge-errors.js'

const A = 0.02
const BAR = Math.log(20)
const judged = (lost: number, kept: number, gained: number) => ({ lost, kept, gained })

t.test('without an audit, differences are tested as they are', async (t) => {
  const policy = { max_em_drop: A, error_level: 0.05, judge_miss_rate: null, judge_gain_share: 0 }
  t.strictSame([testedBound(policy), testedLevel(policy), trueDrop(0.01, policy)], [A, 0.05, 0.01])
  t.strictSame(auditedGains([8, 0, -8], policy, 0.9), [8, 0, -8])
})

t.test('an audit scales gains, the tolerance and the level', async (t) => {
  const policy = { max_em_drop: A, error_level: 0.5, judge_miss_rate: 0.25, judge_gain_share: 0.5 }
  t.strictSame([testedBound(policy), testedLevel(policy), trueDrop(0.03, policy)], [0.015, 0.4, 0.04])
  t.strictSame(auditedGains([8, 4, 0, -2, -8], policy, 0), [8, 4, 0, 0, -3])
  const rounded = Array.from({ length: 4 }, (_, i) => auditedGains([-2], policy, i / 4)[0]!)
  t.strictSame(rounded, [0, -1, -1, -1], 'a draw keeps the mean, 0.75')
})

t.test('gains that are worth nothing are ties, and a judge that misses half of the losses leaves half of the bound', async (t) => {
  const policy = { max_em_drop: A, judge_miss_rate: 0.5, judge_gain_share: 0 }
  t.strictSame(auditedGains([-8, -4], policy, 0.99), [0, 0])
  t.ok(reaches(testedBound(policy), judged(0, losslessUnits(A / 2, BAR), 0), BAR))
})
