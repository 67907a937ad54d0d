import t from 'tap'
import { DEFAULT_POLICY as policy } from '../../../src/core/policy/policy.js'
import { NO_FOLLOW_UP as none } from '../../../src/core/evidence/follow-up-counts.js'
import { subjectOf } from '../../../src/core/learn/guarantee.js'

t.test('the guarantee says what its labels are, and never calls the verdicts of a judge exact match', async (t) => {
  t.strictSame(subjectOf({ ...policy, label: 'agreement' }, none, { math: 1 }), { about: 'agreement with the full answer', as_judged: false })
  t.strictSame(subjectOf(policy, none), { about: 'exact match', as_judged: false })
  t.equal(subjectOf(policy, { calls: 0, rewarded: 199, reported: 200 }).about, 'mean reward')
  t.equal(subjectOf(policy, { calls: 0, rewarded: 1, reported: 9 }).about, 'mean reward, and exact match where there is no reward')
  t.strictSame(subjectOf(policy, none, { math: 3, json: 1 }), { about: 'graded by json, math', as_judged: false })
  t.strictSame(subjectOf(policy, none, { 'judge:j': 1 }), { about: 'preferred by the judge j', as_judged: true })
  t.strictSame(subjectOf(policy, none, { 'judge:j': 1, 'judge:k': 1, math: 2 }), { about: 'preferred by the judge j, k, or graded by others', as_judged: true })
  const audited = subjectOf({ ...policy, judge_miss_rate: 0.125 }, none, { 'judge:j': 1 })
  t.strictSame(audited, { about: 'preferred by the judge j, corrected for missing up to 12.5 % of the real losses', as_judged: false })
})

t.test('agreement on calls of tools is about the next action', async (t) => {
  const about = (calls: number) => subjectOf({ ...policy, label: 'agreement' }, { calls, rewarded: 0, reported: 200 }).about
  t.equal(about(0), 'agreement with the full answer')
  t.equal(about(1), 'agreement with the full answer, or the same next action where that is a call of tools')
  t.equal(about(198), 'the same next action: the tools called and their arguments')
  t.equal(subjectOf(policy, { calls: 200, rewarded: 0, reported: 200 }).about, 'exact match', 'gold calls are compared as they are')
})
