import t from 'tap'
import { timeOf } from '../../../src/cli/import-run/time-of.js'

t.test('seconds become an ISO time if they are in range', async (t) => {
  t.same(timeOf(1769860800.5), { at: '2026-01-31T12:00:00.500Z' })
  t.same(timeOf(253402300799), { at: '9999-12-31T23:59:59.000Z' })
  for (const seconds of [253402300800, 1769860800500, 1e300, -1, NaN, Infinity]) t.same(timeOf(seconds), {}, String(seconds))
})
