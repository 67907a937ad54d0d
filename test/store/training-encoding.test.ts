import t from 'tap'
import { decodeRun, decodeSeries, encodeRun, encodeSeries, seriesKey } from '../../src/store/training-encoding.js'
import { trainingWriteOf } from './fixtures.js'

t.test('what is encoded is decoded, and a run\'s revision stands first', async (t) => {
  const { run, series } = trainingWriteOf('a b', 41)
  t.strictSame(decodeRun(encodeRun(run)), run)
  t.match(encodeRun(run), /^42 \{/)
  t.strictSame(decodeSeries(encodeSeries(series[0]!)), series[0])
})

t.test('no two series have one key', async (t) => {
  t.not(seriesKey('a', 'b","c'), seriesKey('a","b', 'c'))
})
