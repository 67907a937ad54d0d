import t from 'tap'
import { FIRST_SHARE } from '../../../src/core/decide/arm.js'
import { knownEvidence } from '../../../src/core/evidence/gathered-evidence.js'
import { expire, isFollowUpDue, isExpiryDue } from '../../../src/core/learn/apply-time.js'
import { enrolledFold, SLICE_MOST } from './enrolled-fold.js'
import { FIRST, KEPT, LEAF, memoryFold, outcomeOf } from './memory-fold.js'

const TICK = { type: 'tick' } as const

function silentSince (lastEvidence: number) {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(KEPT, 0, FIRST - 1)
  fold.learn(KEPT, lastEvidence)
  return fold
}

t.test('evidence that falls silent for max_evidence_age_seconds withdraws the threshold', async (t) => {
  const fold = silentSince(5000)
  fold.learn(TICK, 104_999)
  t.ok(fold.state().rule.index > -1)
  fold.learn(TICK, 105_000)
  t.match(fold.state(), { epoch: { number: 2, cause: 'evidence_stale' }, rule: { index: -1, control_share: FIRST_SHARE } })
  t.equal(knownEvidence(fold.state().evidence).generations, 0)
  t.match(fold.changes.at(-1), { key: LEAF, cause: 'evidence_stale', after: null })
  fold.learn(TICK, 1_000_000)
  t.equal(fold.state().epoch.number, 2, 'once')
})

t.test('outcomes that are not evidence do not break the silence', async (t) => {
  const fold = silentSince(5000)
  fold.learn(outcomeOf({ arm: 'treated' }), 104_000)
  fold.append(outcomeOf({ cancelled: true }), 104_000)
  fold.learn(TICK, 105_000)
  t.equal(fold.state().epoch.number, 2)
})

t.test('without a threshold the old evidence is dropped as well: it does not hold for the present', async (t) => {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(KEPT, 2000, FIRST - 1)
  fold.learn(TICK, 101_999)
  t.equal(fold.state().epoch.number, 1)
  fold.learn(TICK, 102_000)
  t.match(fold.state(), { epoch: { number: 2, cause: 'evidence_stale' } })
  fold.learn(KEPT, 104_000, FIRST - 1)
  t.equal(fold.state().rule.index, -1)
})

t.test('a context without evidence has nothing to drop', async (t) => {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(outcomeOf({ arm: 'treated' }), 0)
  fold.learn(TICK, 1_000_000)
  t.equal(fold.state().epoch.number, 1)
  t.equal(expire(fold, LEAF, fold.state(), 1_000_000), fold.state(), 'the state is returned as it was')
})

t.test('each context is silent by its own policy and its own evidence', async (t) => {
  const fold = silentSince(5000)
  const other = 'model=q,task=other'
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' } }), 50_000)
  fold.learn({ type: 'policy', key: other, policy: { max_evidence_age_seconds: 200 }, by: 'ops' }, 50_000)
  fold.learn(TICK, 105_000)
  t.strictSame([LEAF, other].map((key) => fold.state(key).epoch.number), [2, 1])
  fold.learn(TICK, 250_000)
  t.strictSame([LEAF, other].map((key) => fold.state(key).epoch.number), [2, 2])
})

t.test('a tick is due when evidence is stale', async (t) => {
  const fold = silentSince(5000)
  t.notOk(isExpiryDue(fold, 104_999))
  t.ok(isExpiryDue(fold, 105_000))
  fold.learn(TICK, 105_000)
  t.notOk(isExpiryDue(fold, 1_000_000))
  t.equal(fold.state(LEAF).epoch.number, 2)
})

t.test('a tick is due for the enrolled when a slice ends, a follow-up is over, a look is due or an outcome was in vain', async (t) => {
  const fold = enrolledFold()
  const isDue = (clock: number) => isFollowUpDue(fold, clock, fold.times)
  t.notOk(isDue(1e9), 'nothing is enrolled')
  fold.enrol([0.1], 0)
  fold.pass(1000, 1000)
  t.notOk(isDue(SLICE_MOST - 1))
  t.ok(isDue(SLICE_MOST))
  fold.report(0.2, 2000)
  t.ok(isDue(2000 + 12_000), 'an early outcome')
  fold.report(0.1, 3000)
  fold.pass(4000, SLICE_MOST)
  t.equal(knownEvidence(fold.state().evidence).generations, 1)
  t.notOk(isDue(1e9), 'nothing is left')
})
