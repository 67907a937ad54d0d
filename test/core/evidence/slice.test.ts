import t from 'tap'
import { isFinal, newSlice } from '../../../src/core/evidence/slice.js'

t.test('E3: a slice is final when it has ended and every unit in it is accounted for', async (t) => {
  const slice = newSlice(0, 0, 0)
  t.notOk(isFinal(slice), 'it has not ended')
  slice.ends = 10
  slice.open = 1
  t.notOk(isFinal(slice))
  slice.open = 0
  t.ok(isFinal(slice))
})
