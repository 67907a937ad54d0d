import t from 'tap'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { evidenceOf } from '../../../src/core/contexts/context-state.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { FIRST, KEPT, LOST, memoryFold, outcomeOf, SURE_STEP } from './memory-fold.js'

function after (outcome: LoggedOutcome, policy: PolicyPatch = {}) {
  const fold = memoryFold({ follow_up_seconds: 0, ...policy })
  fold.learn(outcome)
  const { generations, lost } = evidenceOf(fold.state())
  const { enrolled, accounted, missing, cancelled } = fold.state().follow_up
  return { generations, lost: lost[0], enrolled, accounted, missing, cancelled }
}

const none = { enrolled: 1, accounted: 0, missing: 0, cancelled: 0 }

t.test('an outcome is evidence when it arrives, and the guarantee says so', async (t) => {
  t.strictSame(after(KEPT), { generations: 1, lost: 0, ...none, accounted: 1 })
  t.strictSame(after(LOST), { generations: 1, lost: 1, ...none, accounted: 1 })
  const fold = memoryFold({ follow_up_seconds: 0 })
  fold.learn(KEPT, 0, FIRST)
  t.match(fold.state(), { threshold_index: GRID.length - 1, guarantee: { on_arrival: true } })
})

t.test('missing steps and labels count as lost, or are left out', async (t) => {
  const unstepped = outcomeOf({ steps: null })
  t.strictSame(after(unstepped), { generations: 1, lost: 1, ...none, missing: 1 })
  t.strictSame(after(outcomeOf({ steps_complete: false })), { generations: 1, lost: 1, ...none, missing: 1 })
  const unlabelled = outcomeOf({ full: {} })
  t.strictSame(after(unlabelled), { generations: 1, lost: 1, ...none, missing: 1 })
})

t.test('rule 7: an answer that agrees needs no label', async (t) => {
  const agrees = outcomeOf({ full: {}, answer_digest: 'x', steps: [{ tokens: 40, confidence: 1, answer_digest: 'x' }] })
  t.strictSame(after(agrees), { generations: 1, lost: 0, ...none, accounted: 1 })
})

t.test('cancelled and treated generations are left out', async (t) => {
  t.strictSame(after(outcomeOf({ cancelled: true })), { generations: 0, lost: 0, ...none, enrolled: 0, cancelled: 1 })
  t.strictSame(after(outcomeOf({ arm: 'treated' })), { generations: 0, lost: 0, ...none, enrolled: 0 })
})

t.test('each sample of a group counts on its own', async (t) => {
  const fold = memoryFold({ follow_up_seconds: 0 })
  for (const sample_index of [0, 1, 2]) fold.learn(outcomeOf({ sample_index, samples: 3 }))
  t.equal(evidenceOf(fold.state()).generations, 3)
})

t.test('drift withdraws the threshold at the outcome that shows it', async (t) => {
  const fold = memoryFold({ follow_up_seconds: 0 })
  fold.learn(KEPT, 0, 2000)
  let losses = 0
  while (fold.state().epoch === 1) { fold.learn(outcomeOf({ steps: [{ ...SURE_STEP, exact_match: 0 }] })); losses++ }
  t.equal(losses, 16)
  t.match(fold.state(), { epoch_cause: 'drift', threshold_index: -1 })
})
