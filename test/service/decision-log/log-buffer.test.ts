import t from 'tap'
import { answerDigest } from '../../../src/core/outcome/exact-match.js'
import { gradeOutcome } from '../../../src/core/outcome/outcome.js'
import { encodeDecision, encodeLabel, encodeOutcome, LogBuffer, type TakenDecision } from '../../../src/service/decision-log/log-buffer.js'
import { decodeEvent } from '../../../src/service/decision-log/logged-event.js'
import { DECIDED, TAKEN } from './taken-decision.js'

const LEVELS = ['model', 'task']
const taken = { ...TAKEN, isEnrolled: true, at: 5 }

t.test('a decision names its own context and that of the threshold', async (t) => {
  const [id, text] = encodeDecision(LEVELS, taken)
  t.equal(id, 'g')
  t.strictSame(decodeEvent(text), {
    event: 'decision',
    at: 5,
    context: 'model=q,task=-',
    threshold_context: 'model=q,task=-',
    ...DECIDED,
    snapshot_version: 7,
    enrolled: true,
  })
  const [, pooled] = encodeDecision(LEVELS, { ...taken, source: '*', isEnrolled: false })
  const event = decodeEvent(pooled)!
  t.match(event, { threshold_context: '*' })
  t.notOk('enrolled' in event)
})

t.test('an outcome keeps whether it was right and a digest of its answer', async (t) => {
  const report = { generation_id: 'g', arm: 'control', context: { model: 'q', task: 'x' }, tokens: 64, answer: 'SECRET' } as const
  const [id, text] = encodeOutcome('salt', LEVELS, { entry: gradeOutcome('salt', report), answer: undefined, at: 9 })
  t.equal(id, 'g')
  const logged = { event: 'outcome', at: 9, context: 'model=q,task=x', arm: 'control', tokens: 64, stopped: false, cancelled: false, em: null, answer_digest: answerDigest('salt', 'SECRET') }
  t.strictSame(decodeEvent(text), logged)
  const [, graded] = encodeOutcome('salt', LEVELS, { entry: gradeOutcome('salt', { ...report, reference: 'secret' }), answer: 'SECRET', at: 9 })
  t.strictSame(decodeEvent(graded), { ...logged, em: 1 })
  const armless = gradeOutcome('salt', { generation_id: 'g', tokens: 64, stopped: true })
  t.match(decodeEvent(encodeOutcome('salt', LEVELS, { entry: armless, answer: undefined, at: 9 })[1]), { arm: 'treated', stopped: true })
})

t.test('a label keeps its fields', async (t) => {
  const decoded = (fields: object) => decodeEvent(encodeLabel({ entry: { type: 'label', generation_id: 'g', ...fields }, at: 3 })[1])
  t.strictSame(decoded({ em: 0 }), { event: 'label', at: 3, em: 0 })
  t.strictSame(decoded({ answer: 'a', references: ['b'] }), { event: 'label', at: 3, answer_digest: 'a', reference_digests: ['b'] })
})

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
}
const others: TakenDecision[] = [
  { ...plain, confidence: null, score: null, threshold: null, reason: 'off', source: 'model=q' },
  { ...plain, arm: 'control', isEnrolled: true, context: undefined },
  { ...plain, arm: 'treated', isEnrolled: true, reason: 'score_at_threshold' },
]

t.test('decisions are returned unchanged, with their time', async (t) => {
  const buffer = new LogBuffer()
  for (const [i, decision] of [plain, ...others].entries()) buffer.push(decision, 1000 + i)
  t.equal(buffer.length, 4)
  t.strictSame([0, 1, 2, 3].map((i) => buffer.get(i)), [plain, ...others].map((decision, i) => ({ ...decision, at: 1000 + i })))
})

t.test('nothing of a decision is left after clearing', async (t) => {
  const buffer = new LogBuffer()
  buffer.push({ ...plain, arm: 'control', isEnrolled: true }, 1)
  buffer.clear()
  t.equal(buffer.length, 0)
  buffer.push(plain, 2)
  t.strictSame(buffer.get(0), { ...plain, at: 2 })
})
