import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { stepIn } from '../../../src/store/step-record-store.js'
import { packedLength, packing, packSteps, unpackSteps } from '../../../src/store/step-records/step-encoding.js'
import { holds } from '../../property.js'
import { batchOf } from '../batch-of.js'
import { anyStep, packingAtOnce } from '../fixtures.js'

t.test('unpacking restores packed steps', async (t) => {
  holds(t, fc.property(fc.array(anyStep), fc.nat(), fc.nat(), (steps, a, b) => {
    const batch = packingAtOnce(batchOf(new Map([['a', steps]])))
    const [from, to] = [a % (steps.length + 1), b % (steps.length + 1)].sort((x, y) => x - y) as [number, number]
    const length = packedLength(batch, from, to)
    const bytes = Buffer.alloc(length + 10, 0xff)
    packSteps(new DataView(bytes.buffer, bytes.byteOffset), 3, batch, from, to)
    assert.deepEqual(unpackSteps(bytes.subarray(3, length + 3)), steps.slice(from, to))
    assert.ok(length % 4 === 0 && bytes.subarray(length + 3).every((byte) => byte === 0xff))
  }))
})

t.test('a step without a digest and signals takes twelve bytes', async (t) => {
  const length = (step: object) => packedLength(packingAtOnce(batchOf(new Map([['a', [{ tokens: 1_000_000_000, confidence: 0.123456789, ...step }]]]))), 0, 1)
  t.equal(length({}), 12)
  t.equal(length({ confidence: null, em: 1 }), 12)
  t.ok(length({ answer_digest: '0123456789abcdef' }) > 12)
})

t.test('texts that are encoded in turns are the same', async (t) => {
  const records = new Map([['a', Array.from({ length: 500 }, (_, i) => ({ tokens: i, confidence: 0.5, ...(i % 2 === 0 && { signals: { x: i } }) }))]])
  const batch = batchOf(records)
  t.strictSame(await packing(batch), packingAtOnce(batch))
  t.match(stepIn(await packing(batch), 2), { signals: { x: 2 } })
})

t.test('damaged bytes are not unpacked', async (t) => {
  const batch = packingAtOnce(batchOf(new Map([['a', [{ tokens: 1, confidence: 0.5 }, { tokens: 2, confidence: 0.5, signals: { x: 1 } }]]])))
  const bytes = Buffer.alloc(packedLength(batch, 0, 2))
  packSteps(new DataView(bytes.buffer, bytes.byteOffset), 0, batch, 0, 2)
  t.equal(unpackSteps(bytes).length, 2)
  for (let length = 0; length < bytes.length - 3; length++) t.equal(unpackSteps(bytes.subarray(0, length)).length, length < 12 ? 0 : 1, `${length} bytes`)
})
