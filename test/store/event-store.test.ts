import t from 'tap'
import { textBatchOf } from '../../src/store/event-store.js'

t.test('texts are grouped by generation, and keep their order', async (t) => {
  t.strictSame(textBatchOf([['a', '1'], ['b', '2'], ['a', '3']]), { ids: ['a', 'b'], starts: [0, 2, 3], texts: ['1', '3', '2'] })
  t.strictSame(textBatchOf([]), { ids: [], starts: [0], texts: [] })
})
