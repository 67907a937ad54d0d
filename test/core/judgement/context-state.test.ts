import t from 'tap'
import { evidenceOf, openEpoch, type ContextState } from '../../../src/core/judgement/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/judgement/follow-up-counts.js'
import { NO_DRIFT } from '../../../src/core/certificate/drift.js'
import { addLost, NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { FIRST, KEPT, LEAF, LOST, memoryFold, policyWith } from '../learn/memory-fold.js'

const levels = ['model', 'task']
const OPENING = { time: 0, name: '0-1' }

/** A context with something in every field. */
function livedIn (): ContextState {
  const fold = memoryFold()
  fold.learn(KEPT, 1000, FIRST)
  fold.learn(LOST, 2000)
  return fold.state()
}

t.test('an epoch starts from zero', async (t) => {
  const before = livedIn()
  const after = openEpoch(before, 'reset', policyWith(), levels, { time: 5000, name: '5000-7' })
  t.equal(after.epoch, before.epoch + 1)
  t.equal(after.epoch_cause, 'reset')
  t.equal(after.epoch_started_at, 5000)
  t.equal(after.epoch_name, '5000-7', 'named by the entry that opened it, since counters repeat after a failover')
  t.match(after, { open: { unaccounted: 0 }, certified: -1, log_evidence: null, arms_from: 0, follow_up: NO_FOLLOW_UP })
  t.strictSame(after.halves, [NO_EVIDENCE, NO_EVIDENCE])
  t.strictSame(after.drift, NO_DRIFT)
  t.equal(after.threshold_index, -1)
  t.equal(after.control_share, 1, 'without a threshold all are control')
  t.equal(after.generations, 0)
  for (const arm of ['control', 'treated'] as const) t.equal(after.arms[arm].generations, 0, arm)
  t.equal(after.last_evidence_at, null)
  t.equal(openEpoch(undefined, 'first_enrolment', policyWith(), levels, OPENING).epoch, 1)
})

t.test('only the estimate of tokens saved continues over epochs', async (t) => {
  const before = { ...livedIn(), tokens_saved_gross: 1234 }
  t.equal(openEpoch(before, 'drift', policyWith(), levels, OPENING).tokens_saved_gross, 1234)
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

t.test('evidence has what is known of the open slices, and not the units of which nothing is', async (t) => {
  const state = livedIn()
  const open = { evidence: addLost(NO_EVIDENCE, 3), unaccounted: 5 }
  t.equal(evidenceOf({ ...state, open }).generations, FIRST + 1 + 3)
})
