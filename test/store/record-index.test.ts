import t from 'tap'
import { readIndex, RecordIndex, type RecordPosition } from '../../src/store/record-index.js'
import { NOWHERE, rowsOf } from '../../src/store/record-segment.js'
import { batch } from './fixtures.js'
import { recordGround, stepsAt } from './record-ground.js'

const standing = (bytes: number, first = 1): RecordPosition => ({ first, ...NOWHERE, lastAt: 0, rows: 1, steps: 1, bytes, size: 2 * bytes })

function indexOf (...ids: string[]): RecordIndex {
  const index = new RecordIndex()
  for (const id of ids) index.put(id, standing(10))
  index.segmentAdded(1, 100)
  index.commit()
  return index
}

const idsOf = (index: RecordIndex): string[] => [...index.oldestFirst()].map(({ id }) => id)
const row = (segment: number, offset: number, steps: number, bytes: number, size: number) =>
  ({ place: { segment, offset }, steps, bytes, size })

t.test('a rollback returns to the last commit', async (t) => {
  const index = indexOf('a', 'b', 'c')
  const of = (id: string) => {
    const { first, segment, offset, lastAt, rows, steps, bytes, size } = index.get(id) ?? standing(0, 0)
    return { first, segment, offset, lastAt, rows, steps, bytes, size }
  }
  const state = () => ({ records: ['a', 'b', 'c', 'd'].map(of), size: index.size, bytes: index.bytes, last: index.last, steps: index.stepBytes, live: index.liveBytes })
  const before = state()
  t.match(index, { stepBytes: 30, liveBytes: 60 })
  for (let round = 0; round < 2; round++) {
    index.put('a', standing(20))
    index.put('a', standing(30, 2))
    index.delete(index.get('b')!)
    index.append('c', row(3, 4, 2, 1, 7), 5)
    index.put('d', standing(5, 2))
    index.put('b', standing(6, 2))
    index.delete(index.get('b')!)
    index.append('b', row(3, 8, 1, 2, 3), 5)
    index.segmentRemoved(50)
    index.segmentAdded(2, 7)
    t.match(index, { stepBytes: 48, liveBytes: 100, bytes: 57, last: 2, committed: 1, size: 4 })
    t.match(of('c'), { first: 1, segment: 3, offset: 4, lastAt: 5, rows: 2, steps: 3, bytes: 11, size: 27 })
    t.match(of('b'), { first: 3, segment: 3, offset: 8, steps: 1, bytes: 2, size: 3 })
    index.rollback()
    t.same(state(), before)
    t.same(new Set(idsOf(index)), new Set(['a', 'b', 'c']))
  }
  index.rollback()
  t.same(state(), before)
})

t.test('a rollback keeps what was committed', async (t) => {
  const index = indexOf('a', 'b')
  index.delete(index.get('a')!)
  index.append('c', row(2, 0, 1, 1, 1), 0)
  index.segmentAdded(2, 7)
  index.commit()
  index.append('c', row(3, 0, 1, 1, 1), 0)
  index.rollback()
  t.match(index, { size: 2, last: 2, committed: 2, bytes: 107, stepBytes: 11, liveBytes: 21 })
  t.match(index.get('c'), { first: 2, segment: 2, steps: 1 })
  t.equal(index.get('a'), undefined)
})

t.test('a record that is written to becomes the newest, and one that is moved keeps its place', async (t) => {
  const index = indexOf('a', 'b', 'c')
  index.put('a', standing(1))
  index.renew('b', 1)
  t.same(idsOf(index), ['a', 'c', 'b'])
  index.append('c', row(2, 0, 1, 1, 1), 2)
  t.same(idsOf(index), ['a', 'b', 'c'])
  index.rollback()
  t.same(new Set(idsOf(index)), new Set(['a', 'b', 'c']))
  t.same(idsOf(new RecordIndex()), [])
})

t.test('the index that is read from the segments counts live rows and all rows', async (t) => {
  const { tables, open, segments } = await recordGround(t)
  const records = open()
  await records.record(batch([['a', stepsAt(1, 2)], ['over', stepsAt(1)]]))
  await records.record(batch([['a', stepsAt(3)], ['b', stepsAt(1)]]))
  await records.record(batch([['a', stepsAt(4, 5, 6)], ['over', stepsAt(2)]]))
  await records.forget(['over'])
  const index = readIndex(tables, Date.now())
  const live = segments().flatMap((segment) => [...rowsOf(segment)]).filter(({ id }) => id !== 'over')
  t.match(index, {
    size: 2,
    last: 4,
    bytes: segments().reduce((sum, { length }) => sum + length, 0),
    stepBytes: 7 * 12,
    liveBytes: live.reduce((sum, { size }) => sum + size, 0),
  })
  t.match(index.get('a'), { first: 1, segment: 3, rows: 3, steps: 6, bytes: 6 * 12 })
  t.match(index.get('b'), { first: 2, segment: 2, steps: 1, bytes: 12 })
})
