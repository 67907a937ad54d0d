import t from 'tap'
import { isTrainedOn, unitsOfOutcome } from '../../../src/core/learn/units-of-outcome.js'
import type { LoggedOutcome, LoggedStep } from '../../../src/core/grading/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { KEPT, LEAF, memoryFold, outcomeOf, policyWith, SURE_STEP } from './memory-fold.js'
import { addPredictor, BY_SIGNAL, early } from './trial-fold.js'

function unitOf (outcome: Partial<LoggedOutcome>, policy: PolicyPatch = {}) {
  const fold = memoryFold()
  fold.learn(KEPT)
  const { units, em, isLabelWanted } = unitsOfOutcome(outcomeOf(outcome), LEAF, policyWith(policy), fold.state(), new Map())
  return { eighths: units.get(0)!.eighths[29], em, isLabelWanted }
}

const probed = (answer_digest: string, more: Partial<LoggedStep> = {}): Partial<LoggedOutcome> =>
  ({ full: {}, answer_digest: 'x', steps: [{ tokens: 40, confidence: 1, answer_digest, ...more }] })

t.test('rule 7: a label is wanted only where the answer would have changed', async (t) => {
  t.strictSame(unitOf(probed('x')), { eighths: 0, em: null, isLabelWanted: false })
  t.strictSame(unitOf(probed('y')), { eighths: 8, em: null, isLabelWanted: true })
  t.strictSame(unitOf({ ...probed('y'), full: { exact_match: 1 } }), { eighths: 8, em: 1, isLabelWanted: false })
  t.strictSame(unitOf({ ...probed('y'), full: { exact_match: 0 } }), { eighths: 0, em: 0, isLabelWanted: false })
})

t.test('rule 7: agreement by our Exact Match counts too, and an explicit verdict on both overrides it', async (t) => {
  const graded = (agreement: 0 | 1) => ({ full: {}, steps: [{ tokens: 40, confidence: 1, agreement }] })
  t.match(unitOf(graded(1)), { eighths: 0, isLabelWanted: false })
  t.match(unitOf(graded(0)), { eighths: 8, isLabelWanted: true })
  t.match(unitOf({ ...probed('x', { exact_match: 0 }), full: { exact_match: 1 } }), { eighths: 8 })
})

t.test('rule 7 holds under missing_labels "lost" alone', async (t) => {
  t.match(unitOf(probed('x'), { missing_labels: 'excluded' }), { eighths: 8, isLabelWanted: true })
  t.match(unitOf({ full: {}, steps: [{ ...SURE_STEP, confidence: 0 }] }, { missing_labels: 'excluded' }), { isLabelWanted: true }, 'even where nothing would have been stopped')
  t.match(unitOf({ full: {}, steps: [{ ...SURE_STEP, confidence: 0 }] }), { isLabelWanted: false })
})

t.test('the label "agreement" needs no label from anybody', async (t) => {
  t.match(unitOf({ full: { agreement: 1 }, steps: [{ ...SURE_STEP, agreement: 0 }] }, { label: 'agreement' }), { eighths: 8, em: 1, isLabelWanted: false })
})

t.test('each trial scores the steps for itself, unless it was trained on the group', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT)
  addPredictor(fold, { ...BY_SIGNAL, trained: { ...BY_SIGNAL.trained, groups: [0.25] } })
  const policy = policyWith({ predictor: 'auto' })
  const units = (u: number) => unitsOfOutcome(early({ u }), LEAF, policy, fold.state(), fold.predictors).units
  t.strictSame([...units(0.5).keys()], [0, 1])
  t.ok(units(0.5).get(1)!.stopped_tokens[29]! < units(0.5).get(0)!.stopped_tokens[29]!, 'it stops earlier')
  t.strictSame([...units(0.25).keys()], [0])
  t.ok(isTrainedOn({ ...PREDICTOR, trained: { ...PREDICTOR.trained, groups: [0.25] } }, 0.25))
})
