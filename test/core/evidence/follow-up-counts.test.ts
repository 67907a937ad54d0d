import t from 'tap'
import {
  addCounts, cancelledRatio, type FollowUp, followUpRatio, NO_FOLLOW_UP,
} from '../../../src/core/evidence/follow-up-counts.js'

t.test('each count is added to its own', async (t) => {
  const some = Object.fromEntries(Object.keys(NO_FOLLOW_UP).map((name, i) => [name, i + 1])) as unknown as FollowUp
  t.strictSame(addCounts(NO_FOLLOW_UP, some), some)
  t.strictSame(addCounts(some, {}), some)
  t.strictSame(addCounts(some, some), Object.fromEntries(Object.entries(some).map(([name, count]) => [name, 2 * count])))
})

t.test('E5: the follow-up ratio is the share of units accounted for among those not cancelled, 1 before there are any', async (t) => {
  const withCounts = (counts: Partial<FollowUp>) => ({ follow_up: { ...NO_FOLLOW_UP, ...counts } })
  t.equal(followUpRatio(withCounts({ enrolled: 50 })), 1)
  t.equal(followUpRatio(withCounts({ accounted: 30, missing: 10, cancelled: 60 })), 0.75)
  t.equal(cancelledRatio(withCounts({ accounted: 30, missing: 10, cancelled: 60 })), 0.6)
  t.equal(cancelledRatio(withCounts({})), 0)
})
