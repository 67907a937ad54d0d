import t from 'tap'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import { expire, isTickDue } from '../../../src/core/learn/learn-time.js'
import { CHAIN, FIRST, KEPT, LEAF, memoryFold, outcomeOf } from './memory-fold.js'

const TICK = { type: 'tick' } as const

function silentSince (lastEvidence: number) {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(KEPT, 0, FIRST - 1)
  fold.learn(KEPT, lastEvidence)
  return fold
}

t.test('evidence that falls silent for max_evidence_age_seconds takes the threshold back', async (t) => {
  const fold = silentSince(5000)
  fold.learn(TICK, 104_999)
  for (const key of CHAIN) t.ok(fold.state(key).threshold_index > -1, key)
  fold.learn(TICK, 105_000)
  for (const key of CHAIN) {
    t.match(fold.state(key), { epoch: 2, epoch_cause: 'evidence_stale', threshold_index: -1, control_share: 1 }, key)
    t.equal(evidenceOf(fold.state(key)).generations, 0)
  }
  t.match(fold.changes.slice(-3), CHAIN.map((key) => ({ key, cause: 'evidence_stale', after: null })))
  fold.learn(TICK, 1_000_000)
  t.equal(fold.state().epoch, 2, 'once')
})

t.test('outcomes that are no evidence do not break the silence', async (t) => {
  const fold = silentSince(5000)
  fold.learn(outcomeOf({ arm: 'treated' }), 104_000)
  fold.learn(outcomeOf({ full: {} }), 104_000)
  fold.learn(TICK, 105_000)
  t.equal(fold.state().epoch, 2)
})

t.test('without a threshold the old evidence goes as well: it must not vouch for the present', async (t) => {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(KEPT, 0, FIRST - 1)
  fold.learn(TICK, 99_999)
  t.equal(fold.state().epoch, 1)
  fold.learn(TICK, 100_000)
  t.match(fold.state(), { epoch: 2, epoch_cause: 'evidence_stale' })
  fold.learn(KEPT, 100_000, FIRST - 1)
  t.equal(fold.state().threshold_index, -1)
})

t.test('a context without evidence has nothing to drop', async (t) => {
  const fold = memoryFold({ max_evidence_age_seconds: 100 })
  fold.learn(outcomeOf({ arm: 'treated' }), 0)
  fold.learn(TICK, 1_000_000)
  t.equal(fold.state().epoch, 1)
  expire(fold, 'model=nobody', 1_000_000)
  t.strictSame([...fold.states.keys()], CHAIN)
})

t.test('each context is silent by its own policy and its own evidence', async (t) => {
  const fold = silentSince(5000)
  fold.learn(outcomeOf({ u: 0.5 }), 50_000) // evidence of the leaf alone
  fold.learn({ type: 'policy', key: 'model=q', policy: { max_evidence_age_seconds: 200 }, by: 'ops' }, 50_000)
  fold.learn(TICK, 105_000)
  t.strictSame(CHAIN.map((key) => fold.state(key).epoch), [2, 1, 1])
  fold.learn(TICK, 205_000)
  t.strictSame(CHAIN.map((key) => fold.state(key).epoch), [2, 2, 1])
  fold.learn(TICK, 250_000)
  t.strictSame(CHAIN.map((key) => fold.state(key).epoch), [2, 2, 2])
})

t.test('a tick is due exactly when it would drop evidence', async (t) => {
  const fold = silentSince(5000)
  t.notOk(isTickDue(fold, 104_999))
  t.ok(isTickDue(fold, 105_000))
  fold.learn(TICK, 105_000)
  t.notOk(isTickDue(fold, 1_000_000))
  t.equal(fold.state(LEAF).epoch, 2)
})
