import t from 'tap'
import { linkOf } from '../../../src/core/learn/chain-link.js'
import { compileSnapshot } from '../../../src/core/learn/compile-snapshot.js'
import { gradeOutcome, type LoggedOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import { readConfig } from '../../../src/service/config/config.js'
import {
  acceptBatch, acceptOutcome, countRefused, outcomeReceipt, reportOutcomes, reportProblem,
} from '../../../src/service/outcomes/accept-outcomes.js'
import { emptySnapshot, type LoadedSnapshot } from '../../../src/service/snapshot/load-snapshot.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { losslessOutcome } from '../../certify.js'
import { build } from '../../helper.js'

const reporter = { ...ANYBODY, tokenOutcomes: null }
const outcome = losslessOutcome('g') as never

t.test('a duplicate outcome counts once', async (t) => {
  const services = await build(t)
  t.same(await acceptOutcome(services, outcome, reporter), { accepted: 1, duplicates: 0, label_wanted: false })
  t.same(await acceptOutcome(services, outcome, reporter), { accepted: 0, duplicates: 1, label_wanted: false })
  const text = await services.metrics.render()
  t.match(text, 'stopgate_outcomes_total{result="accepted",arm="control"} 1\n')
  t.match(text, 'stopgate_outcomes_total{result="duplicate",arm="control"} 1\n')
})

t.test('a batch stores its valid outcomes and lists the others', async (t) => {
  const services = await build(t)
  const bad = { generation_id: 'bad', tokens: -1 }
  const elsewhere = { generation_id: 'r', tokens: 1, context: { colour: 'red' } }
  t.match(await acceptBatch(services, [bad, outcome, elsewhere, { generation_id: 'armless', tokens: 1 }], reporter), {
    accepted: 2,
    duplicates: 0,
    rejected: [{ index: 0, path: '/tokens' }, { index: 2, path: '/context/colour' }],
    outcomes: [null, { label_wanted: false }, null, { label_wanted: false, warnings: ['arm_missing'] }],
  })
  t.match(await services.metrics.render(), 'stopgate_outcomes_total{result="rejected",arm="unknown"} 2\n')
})

t.test('a stopped outcome without the probe that stopped it is refused, and the learner is told', async (t) => {
  const services = await build(t)
  const noted: unknown[] = []
  const refusing = { ...services, refusedStops: { note: (refused: unknown) => { noted.push(refused) } } }
  const stop = { generation_id: 's', arm: 'treated', tokens: 40, em: 1, stopped: true } as const
  const bare = { ...stop, stopped_probe: { tokens: 32 } }
  for (const refused of [stop, bare]) {
    await t.rejects(acceptOutcome(refusing, refused, reporter), { code: 'INVALID_OUTCOME', message: /send the tokens of the step that stopped the generation, with the answer probed there/ })
  }
  const probed = { ...stop, stopped_probe: { tokens: 32, em: 1 } } as const
  t.match(await acceptBatch(refusing, [stop, probed, bare], reporter), {
    accepted: 1, rejected: [{ index: 0, path: '/stopped_probe', message: /is required where stopped is true/ }, { index: 2, path: '/stopped_probe' }],
  })
  t.same(noted, [stop, bare])
})

t.test('outcomes that the store cannot take are counted as unavailable', async (t) => {
  const services = await build(t)
  const store = {
    answers: services.store.answers, append: async () => { throw new StoreUnavailableError('gone') },
  }
  await t.rejects(acceptOutcome({ ...services, store }, outcome, reporter), StoreUnavailableError)
  t.match(await services.metrics.render(), 'stopgate_outcomes_total{result="unavailable",arm="control"} 1\n')
})

t.test('an error of the client is counted as rejected, a failure of the service is not', async (t) => {
  const services = await build(t)
  const noted: unknown[] = []
  const refusing = { ...services, refusedStops: { note: (refused: unknown) => { noted.push(refused) } } }
  for (const status of [400, 503, 429, undefined]) countRefused(refusing, outcome, reporter, status)
  t.same(noted, [outcome])
  t.match(await services.metrics.render(), 'stopgate_outcomes_total{result="rejected",arm="unknown"} 1\n')
})

const levels = ['model', 'task']

/** An outcome of a control generation, whose probed answer differs from the final one. */
const storedOutcome: ReportedOutcome = {
  prompt_hash: 'h', generation_id: 'g', arm: 'control', context: { model: 'q', task: 'gsm8k' }, tokens: 64, answer: '4', steps: [{ tokens: 32, confidence: 0.95, answer: '5' }],
}

function modelWith (defaultPolicy: PolicyPatch = {}, policies: ReadonlyMap<string, PolicyPatch> = new Map()): LoadedSnapshot {
  const model = emptySnapshot({ levels, defaultPolicy })
  return { ...model, inputs: { ...model.inputs, policies } }
}

function receipt (changes: Partial<ReportedOutcome> = {}, policy: PolicyPatch = {}, policies?: ReadonlyMap<string, PolicyPatch>) {
  const changed = { ...storedOutcome, ...changes }
  return outcomeReceipt(modelWith(policy, policies), changed, gradeOutcome('salt', changed))
}

t.test('a label is wanted where the probed answer differs from the final one', async (t) => {
  t.strictSame(receipt(), { label_wanted: true })
  t.strictSame(receipt({ answer: '5.0' }), { label_wanted: false }, 'the answers are equal by Exact Match')
  t.strictSame(receipt({ answer: '5' }), { label_wanted: false })
  const { answer: _, ...unknown } = storedOutcome
  t.strictSame(outcomeReceipt(modelWith(), unknown, gradeOutcome('salt', unknown)), { label_wanted: true }, 'an unknown final answer may differ')
})

t.test('no label is requested where answers differ only at thresholds that lose too much anyway', async (t) => {
  const services = await build(t, { DEFAULT_POLICY: '{}' })
  const loaded = services.snapshotHolder.loaded()
  const links = ['*', 'model=q', 'model=q,task=gsm8k'].map((key) => [key, { ...linkOf(loaded.inputs, key), labelReach: 12 }] as const)
  const snapshot = compileSnapshot({ ...loaded.snapshot, salt: 'salt' }, new Map(links))
  const snapshotHolder = { snapshot: () => snapshot, loaded: () => ({ ...loaded, snapshot }) }
  const appended: LoggedOutcome[] = []
  const store = {
    answers: services.store.answers,
    append: async (entries: readonly LogEntry[]) => {
      appended.push(...entries as LoggedOutcome[])
      return entries.map(() => 'accepted' as const)
    }
  }
  const report = async (confidence: number, changes: Partial<ReportedOutcome> = {}) =>
    (await reportOutcomes({ ...services, store, snapshotHolder }, [{ ...storedOutcome, steps: [{ tokens: 32, confidence, answer: '5' }], ...changes }]))[0]!.label_wanted
  t.notOk(await report(0.95), 'threshold 13 is the first that it crosses')
  t.ok(await report(0.97))
  t.notOk(await report(0.95, { em: 1 }))
  t.notOk(await report(0.95, { arm: 'treated' }))
  t.strictSame(appended.map(({ no_label: isWithout = false }) => isWithout), [true, false, false, false])
})

t.test('a label is wanted for a control generation though the share has fallen since it was enrolled', async (t) => {
  const loaded = modelWith()
  const links = ['*', 'model=q', 'model=q,task=gsm8k'].map((key) => [key, { ...linkOf(loaded.inputs, key), learnedControlShare: 0.02 }] as const)
  const model = { ...loaded, snapshot: compileSnapshot({ ...loaded.snapshot, salt: 'salt' }, new Map(links)) }
  const wanted = (arm: 'control' | null, u: number) => {
    const { label_wanted: isWanted } = outcomeReceipt(model, storedOutcome, { ...gradeOutcome('salt', storedOutcome), arm, u })
    return isWanted
  }
  t.ok(wanted('control', 0.5))
  t.ok(wanted(null, 0.03))
  t.notOk(wanted(null, 0.05))
})

t.test('a label is wanted for a stop whose served answer differs from the probed one', async (t) => {
  const wanted = (changes: Partial<ReportedOutcome>, policy: PolicyPatch = {}) =>
    receipt({ arm: 'treated', stopped: true, stopped_probe: { tokens: 32, answer: '5' }, ...changes }, policy).label_wanted
  t.ok(wanted({}))
  t.notOk(wanted({ stopped_probe: { tokens: 32, answer: '4' } }), 'the answers are equal')
  t.notOk(wanted({ reference: '4' }), 'it is graded')
  t.notOk(wanted({ group_id: 'p', sample_index: 1 }), 'of a group only the first sample counts')
  t.notOk(wanted({}, { label: 'agreement' }), 'agreement needs none')
})

t.test('no label is wanted that could not count', async (t) => {
  for (const changes of [{ em: 0 }, { reference: '4' }, { arm: 'treated' }, { cancelled: true }, { steps_complete: false }] as const) {
    t.notOk(receipt(changes).label_wanted, JSON.stringify(changes))
  }
  const { steps: _, ...lean } = storedOutcome
  t.notOk(outcomeReceipt(modelWith(), lean, gradeOutcome('salt', lean)).label_wanted, 'without its steps a label is of no use')
  for (const policy of [{ label: 'agreement' }, { label_rate: 1e-9 }] as const) {
    t.notOk(receipt({}, policy).label_wanted, JSON.stringify(policy))
  }
})

t.test('the policy of the pool decides where the context belongs to one', async (t) => {
  const policies = new Map<string, PolicyPatch>([['model=q,task=gsm8k', { label: 'agreement' }]])
  t.notOk(receipt({}, {}, policies).label_wanted)
  t.ok(receipt({}, { certify_at: 'model' }, policies).label_wanted)
})

t.test('an outcome without its arm, or without the samples of its group, is warned about', async (t) => {
  const { arm: _, ...armless } = storedOutcome
  const warnings = (changed: ReportedOutcome, policy: PolicyPatch = {}) => outcomeReceipt(modelWith(policy), changed, gradeOutcome('salt', changed)).warnings
  t.strictSame(warnings(storedOutcome), undefined)
  t.strictSame(warnings(armless), ['arm_missing'])
  t.strictSame(warnings({ ...armless, stopped: true }), undefined, 'a stopped generation was treated')
  t.strictSame(warnings({ ...storedOutcome, group_id: 'p' }), ['samples_missing'])
  t.strictSame(warnings({ ...storedOutcome, group_id: 'p', samples: 8 }), undefined)
})

t.test('an outcome without its context, or a control outcome without steps, is warned about', async (t) => {
  const warnings = (changed: ReportedOutcome) => outcomeReceipt(modelWith(), changed, gradeOutcome('salt', changed)).warnings
  const { context: _c, ...nowhere } = storedOutcome
  t.strictSame(warnings(nowhere), ['context_missing'])
  const { steps: _s, ...lean } = storedOutcome
  t.strictSame(warnings(lean), ['steps_missing'])
  for (const other of [{ arm: 'treated' }, { cancelled: true }, { steps: [] }] as const) t.strictSame(warnings({ ...lean, ...other }), undefined)
  const lacking = { ...gradeOutcome('salt', storedOutcome), steps_complete: false }
  t.strictSame(outcomeReceipt(modelWith(), storedOutcome, lacking).warnings, ['steps_missing'])
  t.strictSame(warnings({ ...storedOutcome, steps_complete: false }), undefined, 'the worker knows')
})

t.test('an outcome that does not say whether its prompt has other samples is warned about', async (t) => {
  const { prompt_hash: _, ...unmarked } = storedOutcome
  const warnings = (changed: ReportedOutcome, policy: PolicyPatch = {}) => outcomeReceipt(modelWith(policy), changed, gradeOutcome('salt', changed)).warnings
  t.strictSame(warnings(unmarked), ['prompt_unmarked'])
  t.strictSame(warnings({ ...unmarked, samples: 1 }), undefined)
})

t.test('of a retry no label is wanted, and nothing is warned about', async (t) => {
  const { arm: _, ...armless } = storedOutcome
  const retry = { ...armless, generation_id: 'g2', retry_of: 'g' }
  t.strictSame(outcomeReceipt(modelWith(), retry, gradeOutcome('salt', retry)), { label_wanted: false })
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
  const warned = { ...model, snapshot: { ...model.snapshot, root: { ...root, rule: { ...root.rule, warnings: ['left_out_high' as const] } } } }
  t.strictSame(outcomeReceipt(warned, storedOutcome, gradeOutcome('salt', storedOutcome)).warnings, ['left_out_high'])
  const lacking = { ...gradeOutcome('salt', storedOutcome), steps_complete: false }
  const both = { ...model, snapshot: { ...model.snapshot, root: { ...root, rule: { ...root.rule, warnings: ['steps_missing' as const] } } } }
  t.strictSame(outcomeReceipt(both, storedOutcome, lacking).warnings, ['steps_missing'], 'each once')
})

const config = readConfig({})

t.test('problems that the schema cannot express are found', async (t) => {
  t.equal(reportProblem(config, outcome), null)
  t.match(reportProblem(config, { generation_id: 'g', tokens: 1, context: { colour: 'red' } }), { path: '/context/colour', message: /model, task/ })
  t.match(reportProblem(config, { generation_id: 'g', tokens: 1, arm: 'control', stopped: true }), { path: '/stopped' })
})

t.test('outcomes are refused until the store has been reached', async (t) => {
  const parts = await build(t)
  const unreached = { snapshot: () => ({ ...parts.snapshotHolder.snapshot(), salt: null }), loaded: parts.snapshotHolder.loaded }
  await t.rejects(reportOutcomes({ ...parts, snapshotHolder: unreached }, [outcome]), StoreUnavailableError)
  const reported = await reportOutcomes(parts, [outcome, outcome])
  t.strictSame(reported, [{ isNew: true, label_wanted: false }, { isNew: false, label_wanted: false }])
})
