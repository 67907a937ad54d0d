import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Step } from '../src/core/decide.js'
import { chunked } from '../src/step-chunks.js'
import { holds } from './property.js'

const stepsOf = (ids: readonly number[]): Step[] => ids.map((id, tokens) => ({ generation_id: `g${id}`, tokens, confidence: null, context: {} }))

t.test('nothing is lost, what is of one generation stays in order, and no part is too large', async (t) => {
  holds(t, fc.property(fc.array(fc.integer({ min: 0, max: 600 }), { maxLength: 3000 }), fc.integer({ min: 0, max: 6000 }), (ids, more) => {
    const steps = stepsOf([...ids, ...Array.from({ length: more }, () => 7)])
    const chunks = chunked(steps)
    for (const id of new Set(steps.map(({ generation_id: id }) => id!))) {
      assert.deepEqual(chunks.flatMap((chunk) => chunk.get(id) ?? []), steps.filter(({ generation_id: other }) => other === id))
    }
    for (const chunk of chunks) {
      const total = [...chunk.values()].reduce((sum, some) => sum + some.length, 0)
      assert.ok(chunk.size <= 256 && total > 0 && total <= 4096)
    }
  }), 20)
})

t.test('the steps of a generation go together', async (t) => {
  const steps = stepsOf(Array.from({ length: 4096 }, (_, i) => i % 256))
  t.same(chunked(steps).map((chunk) => [chunk.size, chunk.get('g0')!.length]), [[256, 16]])
  t.same(chunked([]), [])
})
