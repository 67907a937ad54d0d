import t from 'tap'
import { lastReading } from '../../src/metrics/last-reading.js'

t.test('what was read last stands while nothing can be read', async (t) => {
  let next: number[] | null = null
  const read = lastReading(async () => { if (next === null) throw new Error('down'); return next })
  t.same(await read(), [])
  next = [1]
  t.same(await read(), [1])
  next = null
  t.same(await read(), [1])
})
