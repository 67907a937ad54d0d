import t from 'tap'
import { subjectOf } from '../../../src/core/contexts/guarantee.js'

t.test('the guarantee says what its labels are, and never calls the verdicts of a judge exact match', async (t) => {
  t.strictSame(subjectOf('agreement', { math: 1 }), { about: 'agreement with the full answer', as_judged: false })
  t.strictSame(subjectOf('exact_match'), { about: 'exact match', as_judged: false })
  t.strictSame(subjectOf('exact_match', { math: 3, json: 1 }), { about: 'graded by json, math', as_judged: false })
  t.strictSame(subjectOf('exact_match', { 'judge:j': 1 }), { about: 'preferred by the judge j', as_judged: true })
  t.strictSame(subjectOf('exact_match', { 'judge:j': 1, 'judge:k': 1, math: 2 }), { about: 'preferred by the judge j, k, or graded by others', as_judged: true })
})
