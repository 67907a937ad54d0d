import t from 'tap'
import { DEFAULT_POLICY as policy } from '../../../src/core/policy/policy.js'
import { subjectOf } from '../../../src/core/contexts/guarantee.js'

t.test('the guarantee says what its labels are, and never calls the verdicts of a judge exact match', async (t) => {
  t.strictSame(subjectOf({ ...policy, label: 'agreement' }, { math: 1 }), { about: 'agreement with the full answer', as_judged: false })
  t.strictSame(subjectOf(policy), { about: 'exact match', as_judged: false })
  t.strictSame(subjectOf(policy, { math: 3, json: 1 }), { about: 'graded by json, math', as_judged: false })
  t.strictSame(subjectOf(policy, { 'judge:j': 1 }), { about: 'preferred by the judge j', as_judged: true })
  t.strictSame(subjectOf(policy, { 'judge:j': 1, 'judge:k': 1, math: 2 }), { about: 'preferred by the judge j, k, or graded by others', as_judged: true })
  const audited = subjectOf({ ...policy, judge_miss_rate: 0.125 }, { 'judge:j': 1 })
  t.strictSame(audited, { about: 'preferred by the judge j, corrected for missing up to 12.5 % of the real losses', as_judged: false })
})
