import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Asked } from '../../src/core/recorded-step.js'
import { StepBuffer } from '../../src/outcomes/step-buffer.js'
import { holds } from '../property.js'

const step: fc.Arbitrary<Asked> = fc.record({
  tokens: fc.nat(),
  confidence: fc.option(fc.double({ min: -1e-6, max: 1, noNaN: true })),
  em: fc.constantFrom(0, 1),
  answer: fc.string(),
  signals: fc.dictionary(fc.string(), fc.double({ noNaN: true }), { noNullPrototype: true }),
}, { requiredKeys: ['tokens', 'confidence'], noNullPrototype: true }) as fc.Arbitrary<Asked>
const plain = (tokens: number): Asked => ({ tokens, confidence: null })

t.test('nothing is lost, what is of one generation stays in order, and no part is too large', async (t) => {
  const asked = fc.tuple(fc.integer({ min: 0, max: 600 }), step)
  const buffer = new StepBuffer()
  holds(t, fc.property(fc.array(asked, { maxLength: 3000 }), fc.integer({ min: 0, max: 6000 }), (some, more) => {
    buffer.clear() // used again and again
    const all = [...some, ...Array.from({ length: more }, (_, i) => [7, plain(i)] as [number, Asked])]
    const expected = new Map<string, Asked[]>()
    for (const [id, one] of all) {
      buffer.push(`g${id}`, one)
      expected.set(`g${id}`, [...expected.get(`g${id}`) ?? [], one])
    }
    assert.equal(buffer.length, all.length)
    const chunks = buffer.chunks()
    for (const chunk of chunks) {
      const total = [...chunk.read().values()].reduce((sum, some) => sum + some.length, 0)
      assert.ok(chunk.read().size <= 256 && total > 0 && total <= 4096)
      assert.equal(total, chunk.steps)
    }
    const read = chunks.map((chunk) => chunk.read())
    for (const [id, steps] of expected) assert.deepEqual(read.flatMap((chunk) => chunk.get(id) ?? []), steps)
  }), 20)
})

t.test('the steps of a generation go together', async (t) => {
  const buffer = new StepBuffer()
  t.same(buffer.chunks(), [])
  for (let i = 0; i < 4096; i++) buffer.push(`g${i % 256}`, plain(i))
  t.same(buffer.chunks().map((chunk) => [chunk.read().size, chunk.read().get('g0')!.length]), [[256, 16]])
})
