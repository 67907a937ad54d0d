import t from 'tap'
import { decodeRun, decodeSeries, encodeRun, encodeSeries, isUnreadableRun, readRun, revisionOf, seriesKey } from '../../src/store/encoding/stored-values.js'
import { trainingWriteOf } from './fixtures.js'

t.test('an encoded run is decoded unchanged, and its text starts with the revision', async (t) => {
  const { run, series } = trainingWriteOf('a b', 41)
  t.strictSame(decodeRun(encodeRun(run)), run)
  t.match(encodeRun(run), /^42 \{/)
  t.strictSame(decodeSeries(encodeSeries(series[0]!)), series[0])
})

t.test('an unreadable run has its revision and no suites', async (t) => {
  const { run } = trainingWriteOf('a', 41)
  t.strictSame(readRun('a', encodeRun(run)), run)
  t.notOk(isUnreadableRun(run))
  for (const text of ['42 {"name":"a', '42 null', `42 ${JSON.stringify({ ...run, contexts: [null] })}`, `42 ${JSON.stringify({ ...run, contexts: [{ key: '*', step: '7', at: 1 }] })}`]) {
    const read = readRun('a', text)
    t.match(read, { name: 'a', revision: 42, suites: [], contexts: [] }, text)
    t.ok(isUnreadableRun(read))
    t.throws(() => decodeRun(text))
  }
})

t.test('an unreadable revision counts as 0, so that the run can be written again', async (t) => {
  const { run } = trainingWriteOf('a', 41)
  t.same(['42 {', '42', 'x42 {', ' 42 {', '-42 {', ''].map(revisionOf), [42, 42, 0, 0, 0, 0])
  t.match(readRun('a', `x ${JSON.stringify(run)}`), { suites: run.suites, revision: 0 })
  t.match(readRun('a', '{"name'), { suites: [], revision: 0 })
})

t.test('every series has its own key', async (t) => {
  t.not(seriesKey('a', 'b","c'), seriesKey('a","b', 'c'))
})
