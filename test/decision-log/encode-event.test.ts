import t from 'tap'
import { answerDigest } from '../../src/core/grading/answer-digest.js'
import { gradeOutcome } from '../../src/core/grading/outcome.js'
import { encodeDecision, encodeLabel, encodeOutcome } from '../../src/decision-log/encode-event.js'
import { decodeEvent } from '../../src/decision-log/logged-event.js'
import { DECIDED, TAKEN } from './taken-decision.js'

const LEVELS = ['model', 'task']
const taken = { ...TAKEN, isEnrolled: true, answer: 'SECRET', at: 5 }

t.test('a decision names its own context and that of the threshold, and has digests in place of answers', async (t) => {
  const [id, text] = encodeDecision('salt', LEVELS, taken)
  t.equal(id, 'g')
  t.notMatch(text, 'SECRET')
  t.strictSame(decodeEvent(text), {
    event: 'decision',
    at: 5,
    context: 'model=q,task=-',
    threshold_context: 'model=q,task=-',
    ...DECIDED,
    model_version: 7,
    enrolled: true,
    answer_digest: answerDigest('salt', 'SECRET'),
  })
  const [, pooled] = encodeDecision(null, LEVELS, { ...taken, source: '*', isEnrolled: false, em: 0 })
  const event = decodeEvent(pooled)!
  t.match(event, { threshold_context: '*', em: 0 })
  t.notOk('answer_digest' in event || 'enrolled' in event, 'there is no salt yet')
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

t.test('a label keeps what it states', async (t) => {
  const decoded = (fields: object) => decodeEvent(encodeLabel({ entry: { type: 'label', generation_id: 'g', ...fields }, at: 3 })[1])
  t.strictSame(decoded({ em: 0 }), { event: 'label', at: 3, em: 0 })
  t.strictSame(decoded({ answer: 'a', references: ['b'] }), { event: 'label', at: 3, answer_digest: 'a', reference_digests: ['b'] })
})
