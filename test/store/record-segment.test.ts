import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { NOWHERE, rowsOf, rowsOfRecord, SegmentWriter, type Place, type Row } from '../../src/store/record-segment.js'
import { holds } from '../property.js'
import { batch, packingAtOnce } from './fixtures.js'

const word = fc.nat({ max: 2 ** 32 - 1 })
const row: fc.Arbitrary<Row> = fc.record({
  id: fc.string({ unit: 'grapheme' }),
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

t.test('all rows of the segments are read back', async (t) => {
  holds(t, fc.property(fc.array(row), (rows) => {
    const { segments, places, bytes } = packed(rows)
    const size = (i: number) => {
      const [{ segment, offset }, next] = [places[i]!, places[i + 1]]
      return (next?.segment === segment ? next.offset : segments.get(segment)!.length) - offset
    }
    assert.equal([...segments.values()].reduce((sum, { length }) => sum + length, 0), bytes)
    const found = rows.map(({ steps, ...head }, i) => ({ ...head, offset: places[i]!.offset, bytes: steps.length, size: size(i) }))
    assert.deepEqual([...segments.values()].flatMap((segment) => [...rowsOf(segment)]), found)
  }))
})

t.test('steps of a batch are written as one row, and so is the end of a record', async (t) => {
  const steps = packingAtOnce(batch([['a', [1, 2, 3].map((tokens) => ({ tokens, confidence: 0.5 }))]]))
  const { segments, places: [place] } = written((writer) => {
    const place = writer.append({ id: 'é', before: NOWHERE, count: 2, at: 7 }, steps, 1)
    writer.appendEnd('é')
    return [place]
  })
  const segment = segments.get(7)!
  t.match([...rowsOf(segment)], [{ id: 'é', before: NOWHERE, count: 2, at: 7, bytes: 24 }, { id: 'é', count: 0, bytes: 0 }])
  t.equal(rowsOfRecord((number) => segments.get(number), 'é', place!)[0]!.steps.readUInt32LE(0), 2)
})

t.test('a segment closes at 32 KiB, and a longer row has a segment of its own', async (t) => {
  const long = 40_000
  const lengths = [...Array.from({ length: 3000 }, () => 8), long, 8, 8, long, long]
  const rows = lengths.map((length) => ({ id: '字', before: NOWHERE, count: 1, at: 5, steps: Buffer.alloc(length, 7) }))
  const { segments, places } = packed(rows)
  t.same([...segments.keys()], Array.from({ length: segments.size }, (_, i) => 7 + i))
  const all = [...segments.values()].map(({ length }) => length)
  t.ok(all.slice(0, -5).every((length) => length > 32_000 && length <= 32_768))
  t.same(all.slice(-4).map((length) => length > long), [true, false, true, true])
  t.match(rowsOfRecord((number) => segments.get(number), '字', places.at(-3)!), [rows.at(-3)!])
})

/** Rows that make one record, in segments of their own. */
function chain (rows: ReadonlyArray<Partial<Row>>) {
  const segments = new Map<number, Buffer>()
  let before = NOWHERE
  for (const [i, row] of rows.entries()) {
    const writer = new SegmentWriter(i, (number, segment) => { segments.set(number, Buffer.from(segment)) })
    before = writer.appendPacked({ id: 'a', before, count: 1, at: 5, ...row }, [Buffer.alloc(12, i)])
    writer.end()
  }
  return { segments, read: (last = before) => rowsOfRecord((number) => segments.get(number), 'a', last).map(({ steps }) => steps[0]) }
}

t.test('the rows of a record are read oldest first', async (t) => {
  t.same(chain([{}, {}, {}]).read(), [0, 1, 2])
  t.same(chain([{}, {}, {}]).read({ segment: 2, offset: 0 }), [0, 1])
})

t.test('rows before a damaged one are missing', async (t) => {
  t.same(chain([{}, { id: 'b' }, {}]).read(), [2], 'a row of another record')
  t.same(chain([{}, { count: 0 }, {}]).read(), [2], 'the end of a record')
  for (const before of [{ segment: 2, offset: 0 }, { segment: 3, offset: 0 }]) t.same(chain([{}, { before }, {}]).read(), [1, 2], 'a row that points ahead')
  for (const damaged of [Buffer.alloc(30, 'x'), Buffer.alloc(0), Buffer.alloc(30), undefined]) {
    const { segments, read } = chain([{}, {}, {}])
    if (damaged === undefined) segments.delete(2); else segments.set(2, damaged)
    t.same(read(), [2])
  }
})

t.test('the rest of a damaged segment is left out', async (t) => {
  const { segments, places } = packed(['a', 'b', 'c'].map((id) => ({ id, before: NOWHERE, count: 1, at: 5, steps: Buffer.alloc(12, 1) })))
  const segment = segments.get(7)!
  t.same([...rowsOf(segment.subarray(0, -1))].map(({ id }) => id), ['a', 'b'])
  for (const size of [0, 27, 2 ** 32 - 1]) {
    const damaged = Buffer.from(segment)
    damaged.writeUInt32LE(size, places[1]!.offset)
    t.same([...rowsOf(damaged)].map(({ id }) => id), ['a'], `a row of ${size} bytes`)
  }
  t.same([...rowsOf(Buffer.alloc(0))], [])
  t.same([...rowsOf(Buffer.from('["a",0,0,1,1]\t[32,0.5]\n'.repeat(9)))], [])
})
