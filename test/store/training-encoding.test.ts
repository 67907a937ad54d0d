import t from 'tap'
import { decodeRun, decodeSeries, encodeRun, encodeSeries, isUnreadableRun, readRun, revisionOf, seriesKey } from '../../src/store/training-encoding.js'
import { trainingWriteOf } from './fixtures.js'

t.test('what is encoded is decoded, and a run\'s revision stands first', async (t) => {
  const { run, series } = trainingWriteOf('a b', 41)
  t.strictSame(decodeRun(encodeRun(run)), run)
  t.match(encodeRun(run), /^42 \{/)
  t.strictSame(decodeSeries(encodeSeries(series[0]!)), series[0])
})

t.test('a run that is damaged is one without suites, at its revision', async (t) => {
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

t.test('a revision that is damaged is 0, whatever the run says, so that one of it can be written', async (t) => {
  const { run } = trainingWriteOf('a', 41)
  t.same(['42 {', '42', 'x42 {', ' 42 {', '-42 {', ''].map(revisionOf), [42, 42, 0, 0, 0, 0])
  t.match(readRun('a', `x ${JSON.stringify(run)}`), { suites: run.suites, revision: 0 })
  t.match(readRun('a', '{"name'), { suites: [], revision: 0 })
})

t.test('no two series have one key', async (t) => {
  t.not(seriesKey('a', 'b","c'), seriesKey('a","b', 'c'))
})
