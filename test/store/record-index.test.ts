import t from 'tap'
import { RecordIndex } from '../../src/store/record-index.js'
import { NOWHERE } from '../../src/store/record-segment.js'

// How it is read from segments is tested where they are written.

const live = (bytes: number, first = 1) => ({ first, last: NOWHERE, lastAt: 0, steps: 1, bytes, size: 2 * bytes })

t.test('what failed is undone', async (t) => {
  const index = new RecordIndex()
  for (const id of ['a', 'b', 'c']) index.put(id, live(10))
  index.added(1, 100)
  index.commit()
  const state = () => ({ ...Object.fromEntries(['a', 'b', 'c', 'd'].map((id) => [id, index.get(id)])), size: index.size, bytes: index.bytes, last: index.last, steps: index.stepBytes, live: index.liveBytes, in1: [...index.beginningIn(1)].sort(), in2: [...index.beginningIn(2)] })
  const before = state()
  t.match(index, { stepBytes: 30, liveBytes: 60 })
  index.put('a', live(20))
  index.put('a', live(30, 2))
  index.delete('b')
  index.delete('b')
  index.renew('c', live(1))
  index.put('d', live(5, 2))
  index.removed(50)
  index.added(2, 7)
  t.match(index, { stepBytes: 36, liveBytes: 72, bytes: 57, last: 2, committed: 1, size: 3 })
  t.same([[...index.beginningIn(1)], [...index.beginningIn(2)]], [['c'], ['a', 'd']])
  index.rollback()
  t.same(state(), before)
  index.rollback()
  t.same(state(), before)
})

t.test('turns are kept, or taken behind all others', async (t) => {
  const index = new RecordIndex()
  for (const id of ['a', 'b', 'c']) index.put(id, live(10))
  index.put('a', live(1))
  index.renew('b', live(1))
  t.same([...index.entries()].map(([id]) => id), ['a', 'c', 'b'])
})
