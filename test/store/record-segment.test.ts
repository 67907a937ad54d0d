import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { NOWHERE, rowAt, rowsOf, SegmentWriter, type Row } from '../../src/store/record-segment.js'
import { holds } from '../property.js'

const row: fc.Arbitrary<Row> = fc.record({
  id: fc.string({ unit: 'grapheme' }),
  before: fc.record({ segment: fc.nat(), offset: fc.nat() }, { noNullPrototype: true }),
  count: fc.nat(),
  at: fc.nat(),
  steps: fc.option(fc.array(fc.constantFrom('', '[32,0.5]', '[32,0.5,null,null,{"é\\t":1}],[64,null]'), { minLength: 1 })),
}, { noNullPrototype: true })

function written (rows: readonly Row[]) {
  const segments = new Map<number, Buffer>()
  const writer = new SegmentWriter(6, (number, segment) => { segments.set(number, segment) })
  const places = rows.map((one) => writer.append(one))
  writer.end()
  return { segments, places, bytes: writer.bytes }
}

t.test('rows are read where they were put, one by one and all of them', async (t) => {
  holds(t, fc.property(fc.array(row), (rows) => {
    const { segments, places, bytes } = written(rows)
    const size = (i: number) => {
      const [{ segment, offset }, next] = [places[i]!, places[i + 1]]
      return (next?.segment === segment ? next.offset : segments.get(segment)!.length) - offset
    }
    assert.equal([...segments.values()].reduce((sum, { length }) => sum + length, 0), bytes)
    assert.deepEqual(places.map(({ segment, offset }) => rowAt(segments.get(segment)!, offset)), rows)
    assert.deepEqual([...segments].flatMap(([number, segment]) => [...rowsOf(segment, number)]), rows.map(({ steps, ...head }, i) =>
      ({ ...head, place: places[i], bytes: steps === null ? null : Buffer.byteLength(steps.join('\t')), size: size(i) })))
  }))
})

t.test('a segment is as long as is read for a row of it, or one row', async (t) => {
  const long = 'x'.repeat(40_000)
  const texts = [...Array.from({ length: 3000 }, () => 'short'), long, 'short', 'short', long, long]
  const rows = texts.map((steps) => ({ id: 'é', before: NOWHERE, count: 1, at: 5, steps: [steps] }))
  const { segments, places } = written(rows)
  t.same([...segments.keys()], Array.from({ length: segments.size }, (_, i) => 7 + i))
  const lengths = [...segments.values()].map(({ length }) => length)
  t.ok(lengths.slice(0, -5).every((length) => length > 32_000 && length <= 32_768))
  t.same(lengths.slice(-4).map((length) => length > 40_000), [true, false, true, true])
  t.same(rowAt(segments.get(places.at(-3)!.segment)!, places.at(-3)!.offset), rows.at(-3))
})

t.test('a row that is damaged or cut is none, and the others are there', async (t) => {
  const { segments, places } = written(['a', 'b', 'c'].map((id) => ({ id, before: NOWHERE, count: 1, at: 5, steps: ['[1,0.5]'] })))
  const bytes = segments.get(7)!
  bytes.write('x', places[1]!.offset)
  t.equal(rowAt(bytes, places[1]!.offset), undefined)
  t.same([...rowsOf(bytes, 7)].map(({ id }) => id), ['a', 'c'])
  t.equal(rowAt(bytes.subarray(0, -1), places[2]!.offset), undefined)
  t.equal(rowAt(bytes, bytes.length), undefined)
  t.equal(rowAt(bytes, 1e300), undefined)
  t.equal(rowAt(bytes, -5), undefined)
  t.ok(rowAt(Buffer.from('["a",0,0,1,1]\t\n'), 0))
  for (const line of ['[1,0,0,1,1]\t\n', '["a",0,0,1]\t\n', '["a",0,"0",1,1]\t\n', '["a",0,-1,1,1]\t\n', '["a",0,0,1,null]\t\n', '{}\n', '\n']) t.equal(rowAt(Buffer.from(line), 0), undefined, line)
})
