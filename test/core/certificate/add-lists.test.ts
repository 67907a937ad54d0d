import t from 'tap'
import { addLists, addToList, zeroList } from '../../../src/core/certificate/add-lists.js'

t.test('lists add place by place, to a new list or in place', async (t) => {
  const sums = [1, 2]
  t.strictSame(addLists(sums, [10, 20]), [11, 22])
  t.strictSame(sums, [1, 2])
  addToList(sums, [10, 20])
  t.strictSame(sums, [11, 22])
})

t.test('lists of zeros are shared', async (t) => {
  t.strictSame(zeroList(3), [0, 0, 0])
  t.equal(zeroList(3), zeroList(3))
  t.equal(zeroList(2).length, 2)
})
