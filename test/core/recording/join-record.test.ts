import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { answerDigest } from '../../../src/core/grading/answer-digest.js'
import { joinRecord } from '../../../src/core/recording/join-record.js'
import { clampConfidence, gradeOutcome, type ReportedOutcome } from '../../../src/core/grading/outcome.js'
import type { Asked, RecordedStep } from '../../../src/core/recording/recorded-step.js'
import { holds } from '../../property.js'

const REPORT: ReportedOutcome = { generation_id: 'g', tokens: 100 }

/** As the recorder keeps it. */
const recordedStep = ({ confidence, answer, ...rest }: Asked): RecordedStep =>
  ({ ...rest, confidence: clampConfidence(confidence), ...(answer !== undefined && { answer_digest: answerDigest('salt', answer) }) })

t.test('recorded steps are graded as the same steps sent with the outcome are', async (t) => {
  const answer = fc.constantFrom('4', 'four', '4.0', 'Paris', 'paris.', '')
  const em = fc.constantFrom<0 | 1>(0, 1)
  const step = fc.record({
    tokens: fc.nat({ max: 100 }), confidence: fc.constantFrom(null, 0.5, 1.0000005), em, answer, signals: fc.constant({ x: 1 }),
  }, { requiredKeys: ['tokens', 'confidence'] })
  const outcome = fc.record({ em, answer, reference: fc.oneof(answer, fc.array(answer, { minLength: 1 })) }, { requiredKeys: [] })
  let kinds = ''
  holds(t, fc.property(outcome, fc.array(step, { maxLength: 5 }), (labels, steps) => {
    const report: ReportedOutcome = { ...REPORT, ...labels }
    const joined = joinRecord('salt', report, steps.map(recordedStep))
    assert.deepEqual(joined, gradeOutcome('salt', { ...report, steps }).steps)
    kinds += JSON.stringify(joined)
  }), 1000)
  for (const kind of ['"exact_match":0', '"exact_match":1', '"agreement":0', '"agreement":1', '"answer_digest"']) t.match(kinds, kind)
})

t.test('a digest is kept only while a label may come', async (t) => {
  const step = { tokens: 1, confidence: 0.5, answer_digest: answerDigest('salt', '4') }
  t.strictSame(joinRecord('salt', { ...REPORT }, [step]), [step])
  t.strictSame(joinRecord('salt', { ...REPORT, em: 1 }, [step]), [{ tokens: 1, confidence: 0.5 }])
  t.strictSame(joinRecord('salt', { ...REPORT, reference: ['5', '4'] }, [step]), [{ tokens: 1, confidence: 0.5, exact_match: 1 }])
})
