import t from 'tap'
import { storeCohort } from '../../../src/core/evidence/cohorts.js'
import { effectivePolicy, UNREADABLE_POLICY } from '../../../src/core/policy/policy.js'
import { readChanges, readEntry, UNREADABLE_CHANGE, encodeEntry } from '../../../src/store/encoding/log-rows.js'
import { readLearned, readLedger, readPending, readPin, readPolicy, readPredictor, readSample, UNREADABLE_PIN, encodeCohort, encodeFollowUp, encodeLedger, encodePending, encodeSample, decodeRun, decodeSeries, encodeRun, encodeSeries, isUnreadableRun, readRun, revisionOf, seriesKey } from '../../../src/store/encoding/stored-values.js'
import { cohortOf, headerOf, LEDGER, outcome, pendingOf, sampleOf, trainingWriteOf } from '../fixtures.js'

const PIN = { threshold: 0.5, reason: 'r', by: 'a', expires_at: null }

t.test('a valid value is read, and an invalid value is replaced by a value that stops nothing', async (t) => {
  t.same(readEntry(encodeEntry(outcome('a'))), outcome('a'))
  t.same(readLedger(encodeLedger(LEDGER)), LEDGER)
  t.same(readPending(encodePending(pendingOf('a'))), pendingOf('a'))
  t.same(readSample(encodeSample(sampleOf(0.5))), sampleOf(0.5))
  t.same(readPolicy('{"mode":"shadow"}'), { mode: 'shadow' })
  t.same(readPin(JSON.stringify(PIN)), PIN)
  for (const text of ['', '{', 'null', '7', '[]', '{"mode":1,"type":1,"outcome":1}']) {
    t.same(readEntry(text), { type: 'unreadable' })
    t.same([readLedger(text), readPending(text), readSample(text), readPredictor(text)], [null, null, null, null])
    t.equal(readPolicy(text), UNREADABLE_POLICY)
    t.equal(readPin(text), UNREADABLE_PIN)
  }
})

t.test('an unreadable change has the time and version of the change after it', async (t) => {
  const now = { time: 90, version: 9 }
  const change = { time: 5, key: '*', cause: 'evidence', epoch: 1, before: null, after: 0.97 }
  const text = (odd: object) => JSON.stringify({ ...change, version: 4, ...odd })
  const odd = ['{', 'null', '7', text({ time: 1e300 }), text({ after: -2 }), text({ key: null }), text({ epoch: '1' }), text({ version: 'x' })]
  for (const kept of odd) {
    t.same(readChanges([{ id: 'a', text: kept }, { id: 'b', text: text({}) }, { id: 'c', text: kept }], now), [
      { ...UNREADABLE_CHANGE, id: 'a', ...now }, { ...change, id: 'b', version: 4 }, { ...UNREADABLE_CHANGE, id: 'c', time: 5, version: 4 },
    ], kept)
  }
  const whole = JSON.stringify(change)
  t.match(readChanges([{ id: 'a', text: whole, version: 6 }, { id: 'b', text: '{', version: 5 }, { id: 'c', text: whole, version: NaN }], now), [
    { ...change, version: 6 }, { cause: 'unreadable', time: 5, version: 5 }, { cause: 'unreadable', version: 5 },
  ], 'a version that is kept beside the change is used')
})

t.test('an unreadable policy also turns off the contexts below it', async (t) => {
  const policies = new Map([['model=q', readPolicy('{')], ['model=q,task=a', { mode: 'enforce' as const }], ['model=z', { mode: 'enforce' as const }]])
  t.match(effectivePolicy({}, policies, 'model=q,task=a'), { mode: 'off' })
  t.match(effectivePolicy({}, policies, 'model=z'), { mode: 'enforce' })
})

const NOTHING = { ledger: null, follow_up: null, pending: [], cohorts: [], reservoir: [] }

t.test('unreadable outcomes, cohorts and samples are left out and named', async (t) => {
  const cohort = storeCohort(cohortOf())
  const learned = await readLearned({
    ledger: '{',
    follow_up: encodeFollowUp(headerOf(7)),
    pending: [['a', encodePending(pendingOf('a'))], ['b', '{}']],
    cohorts: [['x', '{}'], ['y', encodeCohort(cohort)], ['z', encodeCohort({ ...cohort, slices: [] })]],
    reservoir: [[1, '7'], [2, encodeSample(sampleOf(0.5))], [3, '']],
  })
  t.same(learned, {
    ledger: null,
    follow_up: headerOf(7),
    pending: [pendingOf('a')],
    cohorts: new Map([['y', cohort]]),
    reservoir: [[2, sampleOf(0.5)]],
    damaged: { ledger: 1, pending: ['b'], cohorts: ['x', 'z'], samples: [1, 3] },
  })
  t.same(await readLearned(NOTHING), { ...NOTHING, cohorts: new Map(), damaged: { ledger: 0, pending: [], cohorts: [], samples: [] } })
})

t.test('without a readable follow-up clock all cohorts are damaged', async (t) => {
  const cohorts = [['y', encodeCohort(storeCohort(cohortOf()))]] as const
  for (const follow_up of [null, '{', '{"clock":{"time":1},"boots":{}}']) {
    t.match(await readLearned({ ...NOTHING, follow_up, cohorts }), { follow_up: null, cohorts: new Map(), damaged: { cohorts: ['y'] } })
  }
})

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
