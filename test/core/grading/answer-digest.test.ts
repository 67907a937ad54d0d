import fc from 'fast-check'
import t from 'tap'
import { answerDigest } from '../../../src/core/grading/answer-digest.js'
import { exactMatcher } from '../../../src/core/grading/exact-match.js'
import { holds } from '../../property.js'

/** Exact Match of one answer. */
const exactMatch = (answer: string, reference: string | readonly string[]) => exactMatcher(reference)(answer)

t.test('two answers match iff their digests are equal', async (t) => {
  const answer = fc.oneof(fc.string(), fc.constantFrom('42', '$42.0', '1,024', '1024', 'The cat', 'cat', 'A', '(A)', '√2', '2'))
  holds(t, fc.property(answer, answer, (a, b) => (answerDigest('salt', a) === answerDigest('salt', b)) === (exactMatch(a, b) === 1)))
})

t.test('a digest depends on the salt and contains no text', async (t) => {
  t.match(answerDigest('salt', 'forty-two'), /^[0-9a-f]{16}$/)
  t.not(answerDigest('salt', '42'), answerDigest('pepper', '42'))
})
