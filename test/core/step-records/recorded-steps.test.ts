import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { answerDigest } from '../../../src/core/outcome/exact-match.js'
import { clampConfidence, gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import { nextCheckTokens } from '../../../src/core/policy/policy.js'
import {
  type RecordedFields, holdsEveryStep, isRecordComplete, isRecordProbed, joinRecord, mergeSteps, type RecordedStep,
} from '../../../src/core/step-records/recorded-steps.js'
import { holds } from '../../property.js'

const CADENCE = { checkEveryTokens: 32, checkGrowth: 0, minTokens: 0 }

const stepsAt = (...tokens: number[]): RecordedStep[] => tokens.map((at) => ({ tokens: at, confidence: 0.5 }))

/** A generation whose worker asks at each check that is due, some tokens late, and which ends before or at the next. */
const cadences = fc.record({
  checkEveryTokens: fc.integer({ min: 1, max: 40 }), checkGrowth: fc.constantFrom(0, 0.1, 0.5), minTokens: fc.nat({ max: 150 }),
})
const cadenced = cadences.chain((cadence) => fc.record({
  late: fc.array(fc.nat({ max: cadence.checkEveryTokens - 1 }), { minLength: 1, maxLength: 12 }),
  end: fc.double({ min: 0, max: 1, noNaN: true }),
}).map(({ late, end }) => {
  let due = nextCheckTokens(cadence, 0)
  const asked = late.map((tokens) => {
    const at = due + tokens
    due = nextCheckTokens(cadence, at)
    return at
  })
  const last = asked.at(-1)!
  return { cadence, steps: stepsAt(...asked), tokens: last + Math.round(end * (due - last)) }
}))

const without = (steps: readonly RecordedStep[], i: number) => steps.filter((_, j) => j !== i)

t.test('a record of every due check is complete, and without any one of them it is not', async (t) => {
  holds(t, fc.property(cadenced, ({ cadence, steps, tokens }) => {
    assert.ok(isRecordComplete(cadence, { tokens }, steps))
    for (const [i, step] of steps.entries()) {
      const isAtTheEnd = i === steps.length - 1 && step.tokens === tokens
      if (!isAtTheEnd) assert.ok(!isRecordComplete(cadence, { tokens }, without(steps, i)), `without step ${i}`)
    }
  }), 1000)
})

t.test('with the worker\'s count, a record is complete if and only if it has as many steps', async (t) => {
  const anyhow = fc.uniqueArray(fc.nat({ max: 500 }), { maxLength: 12 }).map((tokens) => stepsAt(...tokens.sort((a, b) => a - b)))
  holds(t, fc.property(anyhow, fc.nat({ max: 13 }), (steps, asked) => {
    assert.equal(isRecordComplete(CADENCE, { tokens: 500, steps_asked: asked }, steps), steps.length === asked)
  }))
})

t.test('without a count, the cadence shows whether a record is complete', async (t) => {
  const isComplete = (tokens: number, ...asked: number[]) => isRecordComplete(CADENCE, { tokens }, stepsAt(...asked))
  t.ok(isComplete(100, 32, 64, 96))
  t.ok(isComplete(128, 32, 64, 96), 'it ended when the next check was due')
  t.notOk(isComplete(129, 32, 64, 96))
  t.ok(isComplete(100, 40, 70, 96), 'asked late')
  t.notOk(isComplete(100, 64, 96), 'the first is missing')
  t.notOk(isComplete(100, 32, 96))
  t.notOk(isComplete(1000, 32))
  t.notOk(isComplete(100, 32, 48, 64, 96), 'a step out of turn means that others may be missing')
  t.notOk(isComplete(100, 10, 32, 64, 96))
})

t.test('steps that cannot stop may come between checks', async (t) => {
  const cadence = { checkEveryTokens: 32, checkGrowth: 0, minTokens: 100 }
  t.ok(isRecordComplete(cadence, { tokens: 150 }, stepsAt(32, 33, 99, 128)))
  t.notOk(isRecordComplete(cadence, { tokens: 150 }, stepsAt(32, 100, 128)))
  t.ok(isRecordComplete(CADENCE, { tokens: 60 }, [{ tokens: 0, confidence: null }, ...stepsAt(32)]))
  t.notOk(isRecordComplete(CADENCE, { tokens: 100 }, [{ tokens: 0, confidence: null }, ...stepsAt(64, 96)]))
})

t.test('a step beyond the end belongs to another generation', async (t) => {
  t.notOk(isRecordComplete(CADENCE, { tokens: 60, steps_asked: 2 }, stepsAt(32, 64)))
})

t.test('a count of 0 makes an empty record complete', async (t) => {
  t.ok(isRecordComplete(CADENCE, { tokens: 20, steps_asked: 0 }, []))
  t.notOk(isRecordComplete(CADENCE, { tokens: 20, steps_asked: 1 }, []))
})

t.test('an outcome holds every step if it has as many as were asked, and all that were recorded with a confidence', async (t) => {
  const recorded = [...stepsAt(32, 64), { tokens: 96, confidence: null }]
  t.ok(holdsEveryStep(stepsAt(32, 64, 64), {}, recorded))
  t.ok(holdsEveryStep(stepsAt(16, 32, 64), {}, recorded), 'the service may have recorded fewer')
  t.notOk(holdsEveryStep(stepsAt(32, 96), {}, recorded))
  t.ok(holdsEveryStep(stepsAt(32, 64), { steps_asked: 2 }, []))
  t.notOk(holdsEveryStep(stepsAt(32, 64, 64), { steps_asked: 3 }, []))
})

t.test('a record is probed if every threshold stops at a probe', async (t) => {
  const isProbed = (steps: RecordedStep[], minTokens = 0) => isRecordProbed({ minTokens, trials: [] }, { tokens: 100 }, steps)
  t.ok(isProbed([]))
  t.ok(isProbed([{ tokens: 32, confidence: 0.5, em: 0 }, { tokens: 64, confidence: 0.5 }, { tokens: 96, confidence: 0.9, answer_digest: 'a' }]))
  t.notOk(isProbed([{ tokens: 32, confidence: 0.5, em: 0 }, { tokens: 64, confidence: 0.9 }]))
  t.ok(isProbed(stepsAt(32), 33))
  t.ok(isProbed([{ tokens: 32, confidence: 0.01 }]), 'below every threshold')
})

const REPORT: ReportedOutcome = { generation_id: 'g', tokens: 100 }

/** As the recorder keeps it. */
const recordedStep = ({ confidence, answer, ...rest }: RecordedFields): RecordedStep =>
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
    const graded = gradeOutcome('salt', { ...report, steps }).steps!
    assert.deepEqual(joined, graded.map(({ may_differ: _, ...step }) => step), 'digests do not show how an answer is spelt')
    kinds += JSON.stringify(joined)
  }), 1000)
  for (const kind of ['"exact_match":0', '"exact_match":1', '"agreement":0', '"agreement":1', '"answer_digest"']) t.match(kinds, kind)
})

t.test('a digest is kept only while a label may arrive', async (t) => {
  const step = { tokens: 1, confidence: 0.5, answer_digest: answerDigest('salt', '4') }
  t.strictSame(joinRecord('salt', { ...REPORT }, [step]), [step])
  t.strictSame(joinRecord('salt', { ...REPORT, em: 1 }, [step]), [{ tokens: 1, confidence: 0.5 }])
  t.strictSame(joinRecord('salt', { ...REPORT, reference: ['5', '4'] }, [step]), [{ tokens: 1, confidence: 0.5, exact_match: 1 }])
})

t.test('a reward grades recorded steps as it grades reported ones', async (t) => {
  const steps = [{ tokens: 1, confidence: 0.5, answer: '4' }, { tokens: 2, confidence: 0.5, answer: '5' }, { tokens: 3, confidence: null }]
  for (const reward of [0, 0.3, 1]) {
    const report: ReportedOutcome = { ...REPORT, answer: '4.0', reward }
    const graded = gradeOutcome('salt', { ...report, steps }).steps
    t.strictSame(joinRecord('salt', report, steps.map(recordedStep)), graded)
    t.strictSame(joinRecord('salt', report, steps.map((step) => recordedStep({ ...step, em: 1 }))), graded, 'a recorded EM is no reward')
  }
})

t.test('steps are sorted, and a repeated step gains a probe', async (t) => {
  t.strictSame(mergeSteps([]), [])
  t.strictSame(mergeSteps([
    { tokens: 64, confidence: 0.9 },
    { tokens: 32, confidence: 0.5, signals: { x: 1 } },
    { tokens: 64, confidence: 0.9, em: 1 },
    { tokens: 32, confidence: null, answer_digest: 'a' },
  ]), [{ tokens: 32, confidence: 0.5, answer_digest: 'a', signals: { x: 1 } }, { tokens: 64, confidence: 0.9, em: 1 }])
})

t.test('contradictory repeats are resolved to the worse value', async (t) => {
  const merged = (...steps: Partial<RecordedStep>[]) => mergeSteps(steps.map((step) => ({ tokens: 32, confidence: 0.5, ...step })))[0]
  t.strictSame(merged({ confidence: 0.9 }, { em: 1 }), { tokens: 32, confidence: 0.9, em: 1 }, 'a threshold would have stopped at the higher one')
  t.strictSame(merged({ em: 1 }, { em: 0 }), { tokens: 32, confidence: 0.5, em: 0 })
  t.strictSame(merged({ answer_digest: 'a' }, { answer_digest: 'b' }, { answer_digest: 'a' }), { tokens: 32, confidence: 0.5 })
  t.strictSame(merged({ confidence: null }, { confidence: null }), { tokens: 32, confidence: null })
})

t.test('neither the order of writing nor a repeated write matters', async (t) => {
  const step = fc.record({
    tokens: fc.nat({ max: 3 }), confidence: fc.constantFrom(null, 0.5, 0.9), em: fc.constantFrom(0, 1), answer_digest: fc.constantFrom('a', 'b'),
  }, { requiredKeys: ['tokens', 'confidence'], noNullPrototype: true }) as fc.Arbitrary<RecordedStep>
  const written = fc.array(step, { maxLength: 8 }).chain((steps) => fc.tuple(
    fc.constant(steps), fc.shuffledSubarray([...steps, ...steps], { minLength: steps.length * 2 })))
  holds(t, fc.property(written, ([steps, again]) => {
    assert.deepEqual(mergeSteps(again), mergeSteps(steps))
    assert.equal(mergeSteps(steps).length, new Set(steps.map(({ tokens }) => tokens)).size)
  }))
})
