import t from 'tap'
import { effectivePolicy, UNREADABLE_POLICY } from '../../src/core/policy.js'
import { readEntry, readLearned, readLedger, readPending, readPin, readPolicy, readPredictor, readSample, UNREADABLE_PIN } from '../../src/store/damaged.js'
import { encodeEntry, encodeLedger, encodePending, encodeSample } from '../../src/store/encoding.js'
import { LEDGER, outcome, pendingOf, sampleOf } from './fixtures.js'

const PIN = { threshold: 0.5, reason: 'r', by: 'a', expires_at: null }

t.test('what is whole is read, what is not stands for something that stops nobody', async (t) => {
  t.same(readEntry(encodeEntry(outcome('a'))), outcome('a'))
  t.same(readLedger(encodeLedger(LEDGER)), LEDGER)
  t.same(readPending(encodePending(pendingOf('a', 1))), pendingOf('a', 1))
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

t.test('a damaged policy stops nobody below it either, whatever is stated there', async (t) => {
  const policies = new Map([['model=q', readPolicy('{')], ['model=q,task=a', { mode: 'enforce' as const }], ['model=z', { mode: 'enforce' as const }]])
  t.match(effectivePolicy({}, policies, 'model=q,task=a'), { mode: 'off' })
  t.match(effectivePolicy({}, policies, 'model=z'), { mode: 'enforce' })
})

t.test('damaged ones among others are left out, and counted', async (t) => {
  const learned = await readLearned('{', [['a', encodePending(pendingOf('a', 1))], ['b', '{}']], [[1, '7'], [2, encodeSample(sampleOf(0.5))], [3, '']])
  t.same(learned, { ledger: null, pending: [pendingOf('a', 1)], reservoir: [[2, sampleOf(0.5)]], damaged: { ledger: 1, pending: ['b'], samples: [1, 3] } })
  t.same(await readLearned(null, [], []), { ledger: null, pending: [], reservoir: [], damaged: { ledger: 0, pending: [], samples: [] } })
})
