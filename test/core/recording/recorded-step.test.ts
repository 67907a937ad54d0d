import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { mergeSteps, type RecordedStep } from '../../../src/core/recording/recorded-step.js'
import { holds } from '../../property.js'

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
