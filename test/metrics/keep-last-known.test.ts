import t from 'tap'
import { keepLastKnown } from '../../src/metrics/keep-last-known.js'

t.test('the last value stays while nothing can be read', async (t) => {
  let next: number[] | null = null
  const read = keepLastKnown(async () => { if (next === null) throw new Error('down'); return next }, [])
  t.same(await read(), [])
  next = [1]
  t.same(await read(), [1])
  next = null
  t.same(await read(), [1])
})
