import t from 'tap'
import type { LoggedOutcome, LoggedStep } from '../../../src/core/outcome/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { applySample } from '../../../src/core/learn/kept-samples.js'
import { unitOfOutcome } from '../../../src/core/learn/units-of-outcome.js'
import { MAX_TRACE_STEPS } from '../../../src/core/learn/pending-outcomes.js'
import { addSample, meanUnit } from '../../../src/core/evidence/enrolled-unit.js'
import { enrolledFold } from './enrolled-fold.js'
import { KEPT, LEAF, memoryFold, outcomeOf, policyWith, SURE_STEP } from './memory-fold.js'
import { addPredictor, BY_SIGNAL, early } from './predictor-fold.js'
import { changed } from '../../changed-state.js'

const outcome = { ...KEPT, steps: KEPT.steps!.map((step, place) => ({ ...step, place })), asked: 1 }

t.test('a control outcome is kept for predictors if it has a label', async (t) => {
  const fold = memoryFold()
  applySample(fold, { ...outcome, full: {} }, LEAF, policyWith())
  t.equal(fold.reservoir.takeChanges().size, 0)
  applySample(fold, outcome, LEAF, policyWith())
  t.equal(fold.reservoir.takeChanges().size, 1)
})

t.test('a control outcome is kept with all its steps, under its epoch', async (t) => {
  const fold = memoryFold()
  const idle = { tokens: 10, confidence: 0.01, exact_match: 0 } as const
  fold.learn(outcomeOf({ steps: [idle, SURE_STEP], asked_tokens: 4 }), 7)
  const [name, trace] = [...fold.traces][0]!
  t.match(name, new RegExp(`^${LEAF} \\d+$`))
  t.match(trace, { epoch: fold.state().epoch.name, tokens: 100, em: 1, probe_tokens: 4 })
  t.match(trace.steps, { tokens: [10, 40], confidence: [0.01, 1], answers: '01' })
})

t.test('treated outcomes, those without steps and very long ones are not kept', async (t) => {
  const fold = memoryFold()
  const long = Array.from({ length: MAX_TRACE_STEPS + 1 }, (_, i) => ({ ...SURE_STEP, tokens: i }))
  for (const odd of [{ arm: 'treated' }, { steps: null }, { steps_complete: false }, { steps: long }] as const) {
    fold.learn({ ...KEPT, ...odd })
  }
  t.equal(fold.traces.size, 0)
})

t.test('an outcome that awaits its label keeps its steps until then', async (t) => {
  const fold = enrolledFold()
  const idle = { tokens: 10, confidence: 0.01, answer_digest: 'z' }
  fold.enrol([0.1], 0)
  fold.report(0.1, 1000, { full: {}, answer_digest: 'x', steps: [idle, { tokens: 40, confidence: 1, answer_digest: 'y' }] })
  t.equal(fold.traces.size, 0)
  fold.learn({ type: 'label', generation_id: 'g0.1', em: 1 }, 2000)
  t.match([...fold.traces.values()], [{ em: 1, steps: { tokens: [10, 40], answers: '00' } }])
})

t.test('once traces are plenty, most outcomes that await their label are reduced to the steps that count, and are no traces', async (t) => {
  const fold = enrolledFold()
  fold.enrol([0.1], 0)
  fold.states.set(LEAF, changed(fold.state(), { reports: { follow_up: { ...fold.state().reports.follow_up, reported: 1e6 } } }))
  const idle = { tokens: 50, confidence: 0.01, answer_digest: 'z' }
  fold.report(0.1, 1000, { full: {}, answer_digest: 'x', steps: [{ tokens: 40, confidence: 1, answer_digest: 'y' }, idle] })
  t.equal(fold.pending.get('g0.1')?.outcome.steps?.length, 1)
  const { follow_up } = fold.state().reports
  fold.states.set(LEAF, changed(fold.state(), { reports: { follow_up: { ...follow_up, reported: 0 } } })) // even if it were taken now
  fold.learn({ type: 'label', generation_id: 'g0.1', em: 1 }, 2000)
  t.equal(fold.traces.size, 0)
})

function unitOf (outcome: Partial<LoggedOutcome>, policy: PolicyPatch = {}) {
  const fold = memoryFold()
  fold.learn(KEPT)
  const { unit, em, isLabelWanted } = unitOfOutcome(outcomeOf(outcome), LEAF, policyWith(policy), fold.state(), new Map())
  return { eighths: unit!.eighths[29], em, isLabelWanted }
}

const probed = (answer_digest: string, more: Partial<LoggedStep> = {}): Partial<LoggedOutcome> =>
  ({ full: {}, answer_digest: 'x', steps: [{ tokens: 40, confidence: 1, answer_digest, ...more }] })

t.test('E6: a label is wanted only where the answer would have changed', async (t) => {
  t.strictSame(unitOf(probed('x')), { eighths: 0, em: null, isLabelWanted: false })
  t.strictSame(unitOf(probed('y')), { eighths: 8, em: null, isLabelWanted: true })
  t.strictSame(unitOf({ ...probed('y'), full: { exact_match: 1 } }), { eighths: 8, em: 1, isLabelWanted: false })
  t.strictSame(unitOf({ ...probed('y'), full: { exact_match: 0 } }), { eighths: 0, em: 0, isLabelWanted: false })
})

t.test('E6: two empty answers do not agree, so a label is wanted', async (t) => {
  t.strictSame(unitOf({ ...probed(''), answer_digest: '' }), { eighths: 8, em: null, isLabelWanted: true })
})

t.test('E6: agreement by our Exact Match counts too, and an explicit verdict on both overrides it', async (t) => {
  const graded = (agreement: 0 | 1) => ({ full: {}, steps: [{ tokens: 40, confidence: 1, agreement }] })
  t.match(unitOf(graded(1)), { eighths: 0, isLabelWanted: false })
  t.match(unitOf(graded(0)), { eighths: 8, isLabelWanted: true })
  t.match(unitOf({ ...probed('x', { exact_match: 0 }), full: { exact_match: 1 } }), { eighths: 8 })
})

t.test('E6: where nothing would have been stopped, no label is wanted', async (t) => {
  t.match(unitOf({ full: {}, steps: [{ ...SURE_STEP, confidence: 0 }] }), { isLabelWanted: false })
})

t.test('the label "agreement" needs no label from anybody', async (t) => {
  t.match(unitOf({ full: { agreement: 1 }, steps: [{ ...SURE_STEP, agreement: 0 }] }, { label: 'agreement' }), { eighths: 8, em: 1, isLabelWanted: false })
})

t.test('a predictor scores the steps, unless it was trained on the group or is gone', async (t) => {
  const policy = policyWith({ score: 'p' })
  const fold = memoryFold({ score: 'p' })
  addPredictor(fold, { ...BY_SIGNAL, trained: { ...BY_SIGNAL.trained, groups: [0.25] } })
  fold.learn(KEPT)
  const unit = (u: number, predictors = fold.predictors) => unitOfOutcome(early({ u }), LEAF, policy, fold.state(), predictors).unit
  t.equal(unit(0.5)?.stopped_tokens[29], 10, 'the raw confidence would stop it at 90')
  t.equal(unit(0.25), null)
  t.equal(unit(0.5, new Map()), null)
})

t.test('gains that an audited judge calls are scaled in each sample of a group, before its mean', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  const unitWith = (difference: number, policy: PolicyPatch) => {
    const step = { ...SURE_STEP, place: 0, difference }
    return unitOfOutcome({ ...outcome, steps: [step] }, LEAF, policyWith(policy), fold.state(), new Map()).unit!
  }
  const groupWith = (policy: PolicyPatch) =>
    meanUnit(addSample(unitWith(1, policy), unitWith(-1, policy)), 0, 2, 0.5, 30).eighths[29]
  t.equal(groupWith({}), 0)
  t.equal(groupWith({ judge_miss_rate: 0, judge_gain_share: 0 }), 4, 'a gain that is worth nothing makes up for no loss')
  t.equal(groupWith({ judge_miss_rate: 0.5, judge_gain_share: 1 }), 2)
})
