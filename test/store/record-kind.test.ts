import t from 'tap'
import { packedLength, packSteps } from '../../src/store/step-records/packed-steps.js'
import { STEPS, TEXTS, type Batch, type RecordKind } from '../../src/store/step-records/record-kind.js'
import { textBatchOf } from '../../src/store/event-store.js'
import { batch } from './fixtures.js'

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
