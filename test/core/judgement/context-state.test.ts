import t from 'tap'
import { evidenceOf, labelledRatio, meaningOf, openEpoch, sameMeaning, type ContextState, type Meaning } from '../../../src/core/judgement/context-state.js'
import { NO_DRIFT } from '../../../src/core/certificate/drift.js'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { FIRST, KEPT, LEAF, LOST, memoryFold, policyWith } from '../learn/memory-fold.js'

const levels = ['model', 'task']

/** A context with something in every field. */
function livedIn (): ContextState {
  const fold = memoryFold()
  fold.learn(KEPT, 1000, FIRST)
  fold.learn(LOST, 2000)
  return fold.state()
}

t.test('an epoch starts from zero', async (t) => {
  const before = livedIn()
  const after = openEpoch(before, 'reset', policyWith({ settle_seconds: 60 }), levels, 5000)
  t.equal(after.epoch, before.epoch + 1)
  t.equal(after.epoch_cause, 'reset')
  t.equal(after.epoch_started_at, 5000)
  t.equal(after.settles_at, 65_000)
  t.strictSame(after.halves, [NO_EVIDENCE, NO_EVIDENCE])
  t.strictSame(after.drift, NO_DRIFT)
  t.equal(after.threshold_index, -1)
  t.equal(after.control_share, 1, 'without a threshold all are control')
  for (const count of ['generations', 'labelled', 'unlabelled', 'unstepped', 'unsettled', 'siblings', 'unknown_arm'] as const) t.equal(after[count], 0, count)
  for (const arm of ['control', 'treated'] as const) t.equal(after.arms[arm].generations, 0, arm)
  t.equal(after.last_evidence_at, null)
  t.equal(openEpoch(undefined, 'first_outcome', policyWith(), levels, 0).epoch, 1)
})

t.test('only the estimate of tokens saved continues over epochs', async (t) => {
  const before = { ...livedIn(), tokens_saved: 1234 }
  t.equal(openEpoch(before, 'drift', policyWith(), levels, 0).tokens_saved, 1234)
})

t.test('a context recovers from drift or reset until it is certified, across other epochs', async (t) => {
  const policy = policyWith()
  const drifted = openEpoch(livedIn(), 'drift', policy, levels, 0)
  t.ok(drifted.is_recovering)
  t.ok(openEpoch(livedIn(), 'reset', policy, levels, 0).is_recovering)
  t.notOk(openEpoch(livedIn(), 'policy', policy, levels, 0).is_recovering)
  t.ok(openEpoch(drifted, 'policy', policy, levels, 0).is_recovering, 'a change of policy does not excuse a drift')
  t.notOk(openEpoch({ ...drifted, threshold_index: 3 }, 'policy', policy, levels, 0).is_recovering, 'a certificate does')
})

t.test('evidence means the same only under the same score, label, min_tokens, cadence and levels', async (t) => {
  const meaning = meaningOf(policyWith(), levels)
  t.strictSame(meaning, { score: 'confidence', label: 'exact_match', missing_labels: 'excluded', min_tokens: 0, check_every_tokens: 32, levels: 'model,task' })
  t.ok(sameMeaning(meaning, meaningOf(policyWith({ max_em_drop: 0.1, error_level: 0.1, mode: 'off', evidence_window: 5000 }), levels)))
  const others: { [F in keyof Meaning]: unknown } = { score: 'predictor', label: 'agreement', missing_labels: 'lost', min_tokens: 1, check_every_tokens: 33, levels: 'task,model' }
  for (const [field, value] of Object.entries(others)) t.notOk(sameMeaning(meaning, { ...meaning, [field]: value } as Meaning), field)
  t.notOk(sameMeaning(meaning, meaningOf(policyWith(), ['task', 'model'])), 'the order of the levels is part of it')
})

t.test('evidence is the sum of both half-windows', async (t) => {
  const fold = memoryFold({ evidence_window: 6 })
  fold.learn(KEPT, 0, 3)
  fold.learn(LOST, 0, 2)
  const { halves } = fold.state(LEAF)
  t.strictSame(halves.map((half) => half.generations), [2, 3])
  t.equal(evidenceOf(fold.state()).generations, 5)
  t.equal(evidenceOf(fold.state()).lost[0], 2)
})

t.test('the labelled ratio is 1 before any outcome', async (t) => {
  t.equal(labelledRatio({ ...livedIn(), labelled: 0, unlabelled: 0 }), 1)
  t.equal(labelledRatio({ ...livedIn(), labelled: 30, unlabelled: 10 }), 0.75)
})
