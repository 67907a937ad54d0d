import t from 'tap'
import { answerDigest } from '../../../src/core/grading/answer-digest.js'
import { withLateLabel } from '../../../src/core/learn/late-label.js'
import type { LabelEntry } from '../../../src/core/learn/log-entry.js'
import { gradeOutcome } from '../../../src/core/grading/outcome.js'
import { pruneSteps } from '../../../src/core/recording/prune-steps.js'

const graded = (...args: Parameters<typeof gradeOutcome>) =>
  pruneSteps(gradeOutcome(...args), { minTokens: [0], scorers: [], isSampled: false })
const digest = (answer: string) => answerDigest('salt', answer)
const label = (fields: Partial<LabelEntry>): LabelEntry => ({ type: 'label', generation_id: 'g', ...fields })
const step = (tokens: number, answer?: string) => ({ tokens, confidence: tokens / 40, ...(answer !== undefined && { answer }) })

/** Came without a label: the first probe is another answer, the second the final one, the third step was not probed. */
const answered = graded('salt', { generation_id: 'g', tokens: 100, answer: '42', steps: [step(10, '41'), step(20, '$42.0'), step(30)] })
const emsOf = ({ full, steps }: typeof answered) => [full.exact_match, ...steps!.map((step) => step.exact_match)]

t.test('a reference grades the final answer and every probe, by their digests', async (t) => {
  t.strictSame(emsOf(withLateLabel(answered, label({ references: [digest('42')] }))), [1, 0, 1, undefined])
  t.strictSame(emsOf(withLateLabel(answered, label({ references: [digest('41'), digest('40')] }))), [0, 1, 0, undefined], 'a gain')
})

t.test('em alone: a probe that agrees with the final answer is as right; another counts as wrong, which never flatters', async (t) => {
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 1 }))), [1, 0, 1, undefined])
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 0 }))), [0, 0, 0, undefined])
})

t.test('the worker\'s own verdicts come first', async (t) => {
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 1, steps: [1, null, 0] }))), [1, 1, 1, 0])
  const own = graded('salt', { generation_id: 'g', tokens: 100, steps: [{ ...step(10), em: 1 }] })
  t.strictSame(emsOf(withLateLabel(answered, label({ em: 1, steps: [1, null] }))), [1, 0, 1, undefined], 'a list of another length is of other steps')
  t.strictSame(emsOf(withLateLabel(own, label({ em: 0, steps: [0] }))), [0, 1], 'what the outcome said of a step stands')
})

t.test('an answer may come with the label', async (t) => {
  const bare = graded('salt', { generation_id: 'g', tokens: 100, steps: [step(10, '42')] })
  t.strictSame(emsOf(withLateLabel(bare, label({ answer: digest('42'), references: [digest('42')] }))), [1, 1])
  t.strictSame(emsOf(withLateLabel(bare, label({ answer: digest('7'), em: 0 }))), [0, 0])
})

t.test('a label that settles nothing leaves the outcome as it is', async (t) => {
  const bare = graded('salt', { generation_id: 'g', tokens: 100, steps: null as never })
  t.equal(withLateLabel(bare, label({ references: [digest('42')] })), bare, 'there is no answer to compare')
  t.equal(withLateLabel(answered, label({})), answered)
})
