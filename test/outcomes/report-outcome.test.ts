import t from 'tap'
import { readConfig } from '../../src/config/config.js'
import { reportOutcomes, reportProblem } from '../../src/outcomes/report-outcome.js'
import { losslessOutcome } from '../certify.js'
import { build } from '../helper.js'
import { StoreUnavailableError } from '../../src/store/store-errors.js'
import { batchOf } from '../store/batch-of.js'

const config = readConfig({})
const outcome = losslessOutcome('g') as never

t.test('problems that the schema cannot express are found', async (t) => {
  t.equal(reportProblem(config, outcome), null)
  t.match(reportProblem(config, { generation_id: 'g', tokens: 1, context: { colour: 'red' } }), { path: '/context/colour', message: /model, task/ })
  t.match(reportProblem(config, { generation_id: 'g', tokens: 1, arm: 'control', stopped: true }), { path: '/stopped' })
})

t.test('outcomes are refused until the store has been reached', async (t) => {
  const parts = await build(t)
  const unreached = { snapshot: () => ({ ...parts.service.snapshot(), salt: null }), model: parts.service.model }
  await t.rejects(reportOutcomes({ ...parts, service: unreached }, [outcome]), StoreUnavailableError)
  const reported = await reportOutcomes(parts, [outcome, outcome])
  t.strictSame(reported, [{ isNew: true, label_wanted: false }, { isNew: false, label_wanted: false }])
})

t.test('records are deleted only after the outcome is stored', async (t) => {
  const parts = await build(t)
  const forgotten: string[] = []
  const recorder = { flush: parts.recorder.flush, forget: (ids: readonly string[]) => { forgotten.push(...ids) } }
  const store = {
    kind: parts.store.kind,
    stepRecords: parts.store.stepRecords,
    append: async () => { throw new StoreUnavailableError('gone') },
  }
  const batch = [
    { generation_id: 'control', arm: 'control', tokens: 1 }, { generation_id: 'unknown', tokens: 1 }, { generation_id: 'treated', arm: 'treated', tokens: 1 },
    { generation_id: 'stopped', stopped: true, tokens: 1 },
  ] as const
  await t.rejects(reportOutcomes({ ...parts, recorder, store }, batch), StoreUnavailableError)
  t.same(forgotten, [])
  await reportOutcomes({ ...parts, recorder }, batch)
  t.same(forgotten, ['control', 'unknown'])
})

t.test('joined outcomes are counted once, after they are stored', async (t) => {
  const parts = await build(t)
  await parts.store.stepRecords.append(batchOf(new Map([['all', [{ tokens: 32, confidence: 0.5 }]], ['some', [{ tokens: 96, confidence: 0.5 }]]])))
  const batch = ['all', 'some', 'none'].map((generation_id) => ({ generation_id, arm: 'control', tokens: 40 } as const))
  const kept = { ...outcome as object, generation_id: 'kept by the worker' } as never
  for (let i = 0; i < 2; i++) await reportOutcomes(parts, [...batch, kept])
  const text = await parts.metrics.render()
  for (const [i, result] of ['complete', 'incomplete', 'none'].entries()) t.match(text, `stopgate_joined_outcomes_total{result="${result}"} 1\n`, batch[i]!.generation_id)
})
