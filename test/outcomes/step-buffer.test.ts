import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { clampConfidence } from '../../src/core/grading/outcome.js'
import type { Asked } from '../../src/core/recording/recorded-step.js'
import { StepBuffer, type AskedBeside } from '../../src/outcomes/step-buffer.js'
import { stepIn, type StepBatch } from '../../src/store/step-record-store.js'
import { holds } from '../property.js'

const step: fc.Arbitrary<Asked> = fc.record({
  tokens: fc.nat(),
  confidence: fc.option(fc.double({ min: -1e-6, max: 1, noNaN: true })),
  em: fc.constantFrom(0, 1),
  answer: fc.string(),
  signals: fc.dictionary(fc.string(), fc.double({ noNaN: true }), { noNullPrototype: true }),
}, { requiredKeys: ['tokens', 'confidence'], noNullPrototype: true }) as fc.Arbitrary<Asked>
const plain = (tokens: number): Asked => ({ tokens, confidence: null })

/** The steps of each generation in a batch. */
function read (batch: StepBatch<AskedBeside>): Map<string, Asked[]> {
  const { ids, starts, beside } = batch
  const at = (i: number): Asked => ({ ...stepIn({ ...batch, beside: new Map() }, i), ...beside.get(i) })
  return new Map(ids.map((id, i) => [id, Array.from({ length: starts[i + 1]! - starts[i]! }, (_, step) => at(starts[i]! + step))]))
}

t.test('no step is lost, generations keep their order, and batches are bounded', async (t) => {
  const asked = fc.tuple(fc.integer({ min: 0, max: 2000 }), step)
  const buffer = new StepBuffer()
  holds(t, fc.property(fc.array(asked, { maxLength: 3000 }), fc.integer({ min: 0, max: 20_000 }), (some, more) => {
    buffer.clear() // a buffer is used for one batch after the other
    const all = [...some, ...Array.from({ length: more }, (_, i) => [7, plain(i)] as [number, Asked])]
    const expected = new Map<string, Asked[]>()
    for (const [id, one] of all) {
      buffer.push(`g${id}`, one)
      if (!expected.has(`g${id}`)) expected.set(`g${id}`, [])
      expected.get(`g${id}`)!.push({ ...one, confidence: clampConfidence(one.confidence) })
    }
    assert.equal(buffer.length, all.length)
    const batches = buffer.batches()
    for (const { ids, starts, beside } of batches) {
      assert.ok(ids.length <= 1024 && starts.length === ids.length + 1)
      const steps = starts[ids.length]! - starts[0]!
      assert.ok(steps > 0 && steps <= 16_384)
      assert.ok([...beside.keys()].every((i) => i >= starts[0]! && i < starts[ids.length]!))
    }
    const reads = batches.map(read)
    for (const [id, steps] of expected) assert.deepEqual(reads.flatMap((records) => records.get(id) ?? []), steps)
    assert.equal(reads.reduce((sum, records) => [...records.values()].reduce((sum, { length }) => sum + length, sum), 0), all.length)
  }), 20)
})

t.test('steps of a generation stay together', async (t) => {
  const buffer = new StepBuffer()
  t.same(buffer.batches(), [])
  for (let i = 0; i < 8192; i++) buffer.push(`g${i % 1024}`, plain(i))
  t.same(buffer.batches().map(({ ids, starts }) => [ids.length, starts[1]]), [[1024, 8]])
  buffer.push('one more', plain(1))
  t.same(buffer.batches().map(({ ids, starts }) => [ids.length, starts[0]]), [[1024, 0], [1, 8192]])
})
