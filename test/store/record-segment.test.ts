import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { NOWHERE, RecordSegment, rowAt, rowsOf, type Row } from '../../src/store/record-segment.js'
import { holds } from '../property.js'

const row: fc.Arbitrary<Row> = fc.record({
  id: fc.string({ unit: 'grapheme' }),
  before: fc.record({ segment: fc.nat(), offset: fc.nat() }, { noNullPrototype: true }),
  count: fc.nat(),
  steps: fc.constantFrom(null, '', '[32,0.5]', '[32,0.5,null,null,{"é\\t":1}],[64,null]'),
}, { noNullPrototype: true })

t.test('rows are read where they were put, one by one and all of them', async (t) => {
  holds(t, fc.property(fc.array(row), (rows) => {
    const segment = new RecordSegment(7)
    const places = rows.map((one) => segment.append(one))
    const bytes = segment.encoded()
    assert.equal(bytes.length, segment.bytes)
    assert.deepEqual(places.map(({ offset }) => rowAt(bytes, offset)), rows)
    assert.deepEqual([...rowsOf(bytes, 7)], rows.map(({ steps, ...head }, i) =>
      ({ ...head, place: places[i], bytes: steps === null ? null : Buffer.byteLength(steps) })))
  }))
})

t.test('a row that is damaged or cut is none, and the others are there', async (t) => {
  const segment = new RecordSegment(1)
  const places = ['a', 'b', 'c'].map((id) => segment.append({ id, before: NOWHERE, count: 1, steps: '[1,0.5]' }))
  const bytes = segment.encoded()
  bytes.write('x', places[1]!.offset)
  t.equal(rowAt(bytes, places[1]!.offset), undefined)
  t.same([...rowsOf(bytes, 1)].map(({ id }) => id), ['a', 'c'])
  t.equal(rowAt(bytes.subarray(0, -1), places[2]!.offset), undefined)
  t.equal(rowAt(bytes, bytes.length), undefined)
  t.equal(rowAt(bytes, -5), undefined)
  for (const line of ['[1,0,0,1]\t\n', '["a",0,0]\t\n', '["a",0,"0",1]\t\n', '["a",0,-1,1]\t\n', '{}\n', '\n']) t.equal(rowAt(Buffer.from(line), 0), undefined, line)
})
