import t from 'tap'
import { LogBuffer, type TakenDecision } from '../../src/decision-log/log-buffer.js'

const plain: TakenDecision = {
  id: 'g',
  context: { model: 'q' },
  source: null,
  arm: 'treated',
  tokens: 32,
  confidence: 0.5,
  score: 0.25,
  scorer: 'p',
  threshold: 0.75,
  reason: 'below_threshold',
  version: 7,
  isEnrolled: false,
  em: undefined,
  answer: undefined,
}
const others: TakenDecision[] = [
  { ...plain, confidence: null, score: null, threshold: null, reason: 'off', source: 'model=q' },
  { ...plain, arm: 'control', isEnrolled: true, em: 0, answer: '', context: undefined },
  { ...plain, arm: 'treated', isEnrolled: true, reason: 'score_at_threshold' },
]

t.test('decisions come out as they went in, with their time', async (t) => {
  const buffer = new LogBuffer()
  for (const [i, decision] of [plain, ...others].entries()) buffer.push(decision, decision.answer, 1000 + i)
  t.equal(buffer.length, 4)
  t.strictSame([0, 1, 2, 3].map((i) => buffer.get(i)), [plain, ...others].map((decision, i) => ({ ...decision, at: 1000 + i })))
})

t.test('nothing of a decision is left after clearing', async (t) => {
  const buffer = new LogBuffer()
  buffer.push({ ...plain, em: 1 }, 'a', 1)
  buffer.clear()
  t.equal(buffer.length, 0)
  buffer.push(plain, undefined, 2)
  t.strictSame(buffer.get(0), { ...plain, at: 2 })
})
