import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { packingAtOnce } from '../../src/store/packed-steps.js'
import { NOWHERE, rowAt, rowsOf, SegmentWriter, type Place, type Row } from '../../src/store/record-segment.js'
import { batchOf } from '../../src/store/step-batch.js'
import { holds } from '../property.js'

const word = fc.nat({ max: 2 ** 32 - 1 })
const row: fc.Arbitrary<Row> = fc.record({
  id: fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })),
  before: fc.record({ segment: word, offset: word }, { noNullPrototype: true }),
  count: word,
  at: word,
  steps: fc.array(fc.integer(), { maxLength: 9 }).map((words) => Buffer.from(Int32Array.from(words).buffer)),
}, { noNullPrototype: true })

function written (write: (writer: SegmentWriter) => Place[]) {
  const segments = new Map<number, Buffer>()
  const writer = new SegmentWriter(6, (number, segment) => { segments.set(number, Buffer.from(segment)) })
  const places = write(writer)
  writer.end()
  return { segments, places, bytes: writer.bytes }
}

const packed = (rows: readonly Row[]) => written((writer) =>
  rows.map(({ steps, ...head }) => writer.appendPacked(head, [steps.subarray(0, 4), steps.subarray(4)])))

t.test('rows are read where they were put, one by one and all of them', async (t) => {
  holds(t, fc.property(fc.array(row), (rows) => {
    const { segments, places, bytes } = packed(rows)
    const size = (i: number) => {
      const [{ segment, offset }, next] = [places[i]!, places[i + 1]]
      return (next?.segment === segment ? next.offset : segments.get(segment)!.length) - offset
    }
    assert.equal([...segments.values()].reduce((sum, { length }) => sum + length, 0), bytes)
    const found = rows.map(({ steps, ...head }, i) => ({ ...head, offset: places[i]!.offset, bytes: steps.length, size: size(i) }))
    assert.deepEqual([...segments.values()].flatMap((segment) => [...rowsOf(segment)]), found)
    const read = places.map(({ segment, offset }) => rowAt(segments.get(segment)!, offset))
    assert.deepEqual(read, found.map((one, i) => ({ ...one, steps: rows[i]!.steps })))
  }))
})

t.test('steps of a batch are a row, and so is the end of a record', async (t) => {
  const batch = packingAtOnce(batchOf(new Map([['a', [1, 2, 3].map((tokens) => ({ tokens, confidence: 0.5 }))]])))
  const { segments, places: [place] } = written((writer) => {
    const place = writer.append({ id: 'é', before: NOWHERE, count: 2, at: 7 }, batch, 1)
    writer.appendEnd('é')
    return [place]
  })
  const segment = segments.get(7)!
  t.match(rowAt(segment, place!.offset), { id: 'é', before: NOWHERE, count: 2, at: 7, bytes: 24 })
  t.equal(rowAt(segment, place!.offset)!.steps.readUInt32LE(0), 2)
  t.match([...rowsOf(segment)], [{ count: 2 }, { id: 'é', count: 0, bytes: 0 }])
})

t.test('a segment is as long as is read for a row of it, or one row', async (t) => {
  const long = 40_000
  const lengths = [...Array.from({ length: 3000 }, () => 8), long, 8, 8, long, long]
  const rows = lengths.map((length) => ({ id: '字', before: NOWHERE, count: 1, at: 5, steps: Buffer.alloc(length, 7) }))
  const { segments, places } = packed(rows)
  t.same([...segments.keys()], Array.from({ length: segments.size }, (_, i) => 7 + i))
  const all = [...segments.values()].map(({ length }) => length)
  t.ok(all.slice(0, -5).every((length) => length > 32_000 && length <= 32_768))
  t.same(all.slice(-4).map((length) => length > long), [true, false, true, true])
  t.match(rowAt(segments.get(places.at(-3)!.segment)!, places.at(-3)!.offset), rows.at(-3)!)
})

t.test('a row that is damaged or cut is none, one whose steps are has none, and the others are there', async (t) => {
  const rows = ['a', 'b', 'c'].map((id) => ({ id, before: NOWHERE, count: 1, at: 5, steps: Buffer.alloc(12, 1) }))
  const { segments, places } = packed(rows)
  const whole = segments.get(7)!
  const [first, second] = [places[1]!.offset, places[2]!.offset]
  for (let at = first; at < second; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const bytes = Buffer.from(whole)
      bytes[at] = bytes[at]! ^ 1 << bit
      const isHead = at < second - 12
      assert.deepEqual([...rowsOf(bytes)].map(({ id }) => id), isHead ? ['a', 'c'] : ['a', 'b', 'c'], `bit ${bit} of byte ${at}`)
      assert.deepEqual(rowAt(bytes, first)?.steps, isHead ? undefined : Buffer.alloc(0))
    }
  }
  t.same([...rowsOf(whole.subarray(0, -1))].map(({ id }) => id), ['a', 'b'])
  t.equal(rowAt(whole.subarray(0, -1), second), undefined)
  for (const offset of [whole.length, whole.length - 4, 1, 4, 1e300, -5, NaN]) t.equal(rowAt(whole, offset), undefined, String(offset))
  t.same([...rowsOf(Buffer.alloc(0))], [])
  t.same([...rowsOf(Buffer.from('["a",0,0,1,1]\t[32,0.5]\n'.repeat(9)))], [])
})
