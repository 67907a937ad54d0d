import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { packedLength, packing, packTexts, unpackTexts } from '../../../src/store/encoding/packed-texts.js'
import { holds } from '../../property.js'
import { batch, packingAtOnce } from '../fixtures.js'

t.test('unpacking restores packed texts', async (t) => {
  holds(t, fc.property(fc.array(fc.string({ unit: 'grapheme' })), fc.nat(), fc.nat(), (texts, a, b) => {
    const packed = packingAtOnce(batch([['a', texts]]))
    const [from, to] = [a % (texts.length + 1), b % (texts.length + 1)].sort((x, y) => x - y) as [number, number]
    const length = packedLength(packed, from, to)
    const bytes = Buffer.alloc(length + 10, 0xff)
    packTexts(bytes, 3, packed, from, to)
    assert.deepEqual(unpackTexts(bytes.subarray(3, length + 3)), texts.slice(from, to))
    assert.ok(length % 4 === 0 && bytes.subarray(length + 3).every((byte) => byte === 0xff))
  }))
})

t.test('texts that are encoded in turns are the same', async (t) => {
  const texts = batch([['a', Array.from({ length: 500 }, (_, i) => `text ${i}`)]])
  t.strictSame(await packing(texts), packingAtOnce(texts))
})

t.test('damaged bytes are not unpacked', async (t) => {
  const packed = packingAtOnce(batch([['a', ['12345678', 'abcdefgh']]]))
  const bytes = Buffer.alloc(packedLength(packed, 0, 2))
  packTexts(bytes, 0, packed, 0, 2)
  t.equal(unpackTexts(bytes).length, 2)
  for (let length = 0; length < bytes.length; length++) t.equal(unpackTexts(bytes.subarray(0, length)).length, length < 12 ? 0 : 1, `${length} bytes`)
})
