import t from 'tap'
import { readIndex, RecordIndex, type RecordPosition } from '../../src/store/record-index.js'
import { NOWHERE, rowsOf } from '../../src/store/record-segment.js'
import { batch } from './fixtures.js'
import { recordGround, stepsAt } from './record-ground.js'

const standing = (bytes: number, first = 1): RecordPosition => ({ first, ...NOWHERE, lastAt: 0, steps: 1, bytes, size: 2 * bytes })

function indexOf (...ids: string[]): RecordIndex {
  const index = new RecordIndex()
  for (const id of ids) index.put(index.begin(id), standing(10))
  index.added(1, 100)
  index.commit()
  return index
}

/** In their turns: they are dropped, and put back. */
function idsOf (index: RecordIndex): string[] {
  const ids: string[] = []
  for (let { oldest } = index; oldest !== undefined; { oldest } = index) {
    ids.push(oldest.id)
    index.delete(oldest)
  }
  index.rollback()
  return ids
}

t.test('what failed is undone', async (t) => {
  const index = indexOf('a', 'b', 'c')
  const of = (id: string) => {
    const { first, segment, offset, lastAt, steps, bytes, size } = index.get(id) ?? standing(0, 0)
    return { first, segment, offset, lastAt, steps, bytes, size }
  }
  const state = () => ({ records: ['a', 'b', 'c', 'd'].map(of), size: index.size, bytes: index.bytes, last: index.last, steps: index.stepBytes, live: index.liveBytes })
  const before = state()
  t.match(index, { stepBytes: 30, liveBytes: 60 })
  for (let round = 0; round < 2; round++) {
    index.put(index.get('a')!, standing(20))
    index.put(index.get('a')!, standing(30, 2))
    index.delete(index.get('b')!)
    index.renew(index.get('c')!, 5)
    index.append(index.get('c')!, { segment: 3, offset: 4 }, 2, 1, 7)
    index.put(index.begin('d'), standing(5, 2))
    index.put(index.begin('b'), standing(6, 2))
    index.delete(index.get('b')!)
    index.append(index.begin('b'), { segment: 3, offset: 8 }, 1, 2, 3)
    index.removed(50)
    index.added(2, 7)
    t.match(index, { stepBytes: 48, liveBytes: 100, bytes: 57, last: 2, committed: 1, size: 4 })
    t.match(of('c'), { first: 1, segment: 3, offset: 4, lastAt: 5, steps: 3, bytes: 11, size: 27 })
    t.match(of('b'), { first: 3, segment: 3, offset: 8, steps: 1, bytes: 2, size: 3 })
    index.rollback()
    t.same(state(), before)
    t.same(new Set(idsOf(index)), new Set(['a', 'b', 'c']))
  }
  index.rollback()
  t.same(state(), before)
})

t.test('what was committed is not undone', async (t) => {
  const index = indexOf('a', 'b')
  index.delete(index.get('a')!)
  index.append(index.begin('c'), { segment: 2, offset: 0 }, 1, 1, 1)
  index.added(2, 7)
  index.commit()
  index.append(index.get('c')!, { segment: 3, offset: 0 }, 1, 1, 1)
  index.rollback()
  t.match(index, { size: 2, last: 2, committed: 2, bytes: 107, stepBytes: 11, liveBytes: 21 })
  t.match(index.get('c'), { first: 2, segment: 2, steps: 1 })
  t.equal(index.get('a'), undefined)
})

t.test('turns are kept, or taken behind all others', async (t) => {
  const index = indexOf('a', 'b', 'c')
  index.put(index.get('a')!, standing(1))
  index.renew(index.get('b')!, 1)
  index.renew(index.get('b')!, 2)
  index.commit()
  t.same(idsOf(index), ['a', 'c', 'b'])
  t.equal(new RecordIndex().oldest, undefined)
})

t.test('any number of changes is undone', async (t) => {
  const index = indexOf('a')
  for (const round of [1, 2]) {
    for (let i = 0; i < 10_000; i++) index.append(index.begin(`${round} ${i}`), { segment: 2, offset: i }, 1, 1, 1)
    if (round === 1) index.commit(); else index.rollback()
  }
  t.match(index, { size: 10_001, stepBytes: 10_010 })
})

t.test('what is read from segments counts what lives in them, and all of it', async (t) => {
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
  t.match(index.get('a'), { first: 1, segment: 3, steps: 6, bytes: 6 * 12 })
  t.match(index.get('b'), { first: 2, segment: 2, steps: 1, bytes: 12 })
})
