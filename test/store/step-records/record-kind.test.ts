import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { textBatchOf } from '../../../src/store/event-store.js'
import { packedLength, packSteps } from '../../../src/store/step-records/step-encoding.js'
import { STEPS, TEXTS, type Batch, type RecordKind } from '../../../src/store/step-records/record-kind.js'
import { decodeSteps, encodeStep } from '../../../src/store/step-records/step-encoding.js'
import { holds } from '../../property.js'
import { batch, anyStep } from '../fixtures.js'

async function unpacked<B extends Batch, I> (kind: RecordKind<B, I>, items: B, count: number): Promise<I[]> {
  const packing = await kind.packing(items)
  const packed = Buffer.alloc(packedLength(packing, 0, count))
  packSteps(new DataView(packed.buffer, packed.byteOffset, packed.length), 0, packing, 0, count)
  return kind.unpack(packed)
}

t.test('steps and texts are read as they were written, packed or as text', async (t) => {
  const steps = [{ tokens: 32, confidence: 0.5 }, { tokens: 64, confidence: null, em: 1, answer_digest: 'd' }] as const
  const stepBatch = batch([['a', steps]])
  t.strictSame(await unpacked(STEPS, stepBatch, 2), steps)
  t.strictSame([0, 1].flatMap((i) => STEPS.itemsOf(STEPS.textOf(stepBatch, i))), steps)
  const texts = ['', 'é"', 'x'.repeat(1000)]
  const textBatch = textBatchOf(texts.map((text) => ['a', text]))
  t.strictSame(await unpacked(TEXTS, textBatch, 3), texts)
  t.strictSame([0, 1, 2].flatMap((i) => TEXTS.itemsOf(TEXTS.textOf(textBatch, i))), texts)
})

t.test('texts after damage are left out', async (t) => {
  const packing = await TEXTS.packing(textBatchOf([['a', 'one'], ['a', 'two']]))
  const packed = Buffer.alloc(packedLength(packing, 0, 2))
  packSteps(new DataView(packed.buffer, packed.byteOffset, packed.length), 0, packing, 0, 2)
  t.strictSame(TEXTS.unpack(packed.subarray(0, packed.length - 4)), ['one'])
  packed[11] = 0
  t.strictSame(TEXTS.unpack(packed), ['one'])
})

t.test('a step without extras is short', async (t) => {
  t.equal(encodeStep({ tokens: 512, confidence: 0.97 }), '[512,0.97]')
  t.equal(encodeStep({ tokens: 512, confidence: null, em: 0 }), '[512,null,0]')
  t.equal(encodeStep({ tokens: 512, confidence: 0.5, signals: { x: 1 } }), '[512,0.5,null,null,{"x":1}]')
})

t.test('encoded steps are decoded unchanged', async (t) => {
  holds(t, fc.property(fc.array(anyStep), (steps) => {
    assert.deepEqual(steps.map(encodeStep).flatMap(decodeSteps), steps)
    assert.deepEqual(decodeSteps(steps.map(encodeStep).join()), steps)
  }))
})

t.test('damaged steps are left out, and the others are read', async (t) => {
  const whole = { tokens: 64, confidence: 0.5 }
  for (const damaged of ['{}', '7', 'null', '[]', '["32",0.5]', '[32,"0.5"]', '[32,0.5,2]', '[32,0.5,null,1]', '[32,0.5,null,null,{"x":null}]', '[32]']) {
    t.same(decodeSteps(`${damaged},[64,0.5]`), [whole], damaged)
  }
  for (const cut of ['[32,0.', '', ']', '[64,0.5],[']) t.same(decodeSteps(cut), [], cut)
})
