import t from 'tap'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/grading/outcome.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { outcomeReceipt } from '../../src/outcomes/outcome-receipt.js'
import { emptyModel, type Model } from '../../src/replica/model.js'

const levels = ['model', 'task']

/** An outcome of a control generation, whose probed answer differs from the final one. */
const outcome: ReportedOutcome = {
  generation_id: 'g', arm: 'control', context: { model: 'q', task: 'gsm8k' }, tokens: 64, answer: '4', steps: [{ tokens: 32, confidence: 0.95, answer: '5' }],
}

function modelWith (defaultPolicy: PolicyPatch = {}, policies: ReadonlyMap<string, PolicyPatch> = new Map()): Model {
  const model = emptyModel({ levels, defaultPolicy })
  return { ...model, inputs: { ...model.inputs, policies } }
}

function receipt (changes: Partial<ReportedOutcome> = {}, policy: PolicyPatch = {}, policies?: ReadonlyMap<string, PolicyPatch>) {
  const changed = { ...outcome, ...changes }
  return outcomeReceipt(modelWith(policy, policies), changed, gradeOutcome('salt', changed))
}

t.test('a label is wanted where the probed answer differs from the final one', async (t) => {
  t.strictSame(receipt(), { label_wanted: true })
  t.strictSame(receipt({ answer: '5.0' }), { label_wanted: false }, 'the answers are equal by Exact Match')
  t.strictSame(receipt({ answer: '5' }, { missing_labels: 'excluded' }), { label_wanted: true }, 'with missing_labels excluded, every answer needs its label')
  const { answer: _, ...unknown } = outcome
  t.strictSame(outcomeReceipt(modelWith(), unknown, gradeOutcome('salt', unknown)), { label_wanted: true }, 'an unknown final answer may differ')
})

t.test('no label is wanted that could not count', async (t) => {
  for (const changes of [{ em: 0 }, { reference: '4' }, { arm: 'treated' }, { cancelled: true }, { steps_complete: false }] as const) {
    t.notOk(receipt(changes).label_wanted, JSON.stringify(changes))
  }
  const { steps: _, ...lean } = outcome
  t.notOk(outcomeReceipt(modelWith(), lean, gradeOutcome('salt', lean)).label_wanted, 'without its steps a label is of no use')
  for (const policy of [{ label: 'agreement' }, { follow_up_seconds: 0 }, { label_rate: 1e-9 }] as const) {
    t.notOk(receipt({}, policy).label_wanted, JSON.stringify(policy))
  }
})

t.test('the policy of the pool decides where the context belongs to one', async (t) => {
  const policies = new Map<string, PolicyPatch>([['model=q,task=gsm8k', { label: 'agreement' }]])
  t.notOk(receipt({}, {}, policies).label_wanted)
  t.ok(receipt({}, { certify_at: 'model' }, policies).label_wanted)
})

t.test('an outcome without its arm, or without the samples of its group, is warned about', async (t) => {
  const { arm: _, ...armless } = outcome
  const warnings = (changed: ReportedOutcome, policy: PolicyPatch = {}) => outcomeReceipt(modelWith(policy), changed, gradeOutcome('salt', changed)).warnings
  t.strictSame(warnings(outcome), undefined)
  t.strictSame(warnings(armless), ['arm_missing'])
  t.strictSame(warnings({ ...armless, stopped: true }), undefined, 'a stopped generation was treated')
  t.strictSame(warnings({ ...outcome, group_id: 'p' }), ['samples_missing'])
  t.strictSame(warnings({ ...outcome, group_id: 'p', samples: 8 }), undefined)
  t.strictSame(warnings({ ...outcome, group_id: 'p' }, { follow_up_seconds: 0 }), undefined, 'without a follow-up each sample counts on its own')
})

t.test('an outcome without its context, or a control outcome without steps, is warned about', async (t) => {
  const warnings = (changed: ReportedOutcome) => outcomeReceipt(modelWith(), changed, gradeOutcome('salt', changed)).warnings
  const { context: _c, ...nowhere } = outcome
  t.strictSame(warnings(nowhere), ['context_missing'])
  const { steps: _s, ...lean } = outcome
  t.strictSame(warnings(lean), ['steps_missing'])
  for (const other of [{ arm: 'treated' }, { cancelled: true }, { steps: [] }] as const) t.strictSame(warnings({ ...lean, ...other }), undefined)
})

t.test('an answer that is graded against a much shorter reference is warned about', async (t) => {
  const warnings = (changes: Partial<ReportedOutcome>) => receipt(changes).warnings
  t.strictSame(warnings({ answer: 'So the answer is 42.', reference: '42' }), ['answer_long'])
  t.strictSame(warnings({ answer: 'So the answer is 42.', reference: ['42', 'forty-two'] }), undefined, 'one reference is long enough')
  t.strictSame(warnings({ answer: '$42.00', reference: '42' }), undefined)
  t.strictSame(warnings({ answer: 'So the answer is 42.', reference: '42', em: 1 }), undefined, 'the worker has graded it')
  t.strictSame(warnings({ answer: 'So the answer is 42.' }), undefined)
})

t.test('the warnings of the context follow', async (t) => {
  const model = modelWith()
  const { root } = model.snapshot
  const warned = { ...model, snapshot: { ...model.snapshot, root: { ...root, rule: { ...root.rule, warnings: ['outcomes_not_enrolled' as const] } } } }
  t.strictSame(outcomeReceipt(warned, outcome, gradeOutcome('salt', outcome)).warnings, ['outcomes_not_enrolled'])
})
