import t from 'tap'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { UNREADABLE_POLICY } from '../../../src/core/policy/policy.js'
import { fingerprintOf } from '../../../src/core/scores/predictor-version.js'
import { missedCommands, missedEpochs } from '../../../src/service/learner/catch-up.js'
import { UNREADABLE_COMMAND } from '../../../src/store/encoding/log-rows.js'
import { UNREADABLE_PIN } from '../../../src/store/encoding/stored-values.js'
import type { Store } from '../../../src/store/store.js'
import type { TrainingRunStore } from '../../../src/store/training-run-store.js'
import { LEDGER, pinOf, state, versionOf } from '../../store/fixtures.js'
import { changed } from '../../changed-state.js'

const p = versionOf('p', 1)
const ledger = { ...LEDGER, predictors: [{ name: 'p', fingerprint: fingerprintOf(p.predictor) }] }
type Rows = Readonly<Record<string, unknown>>
/** The ledger's rows with some replaced; `null` removes one. */
const table = (known: Iterable<[string, unknown]>, other: Rows = {}) =>
  new Map(Object.entries({ ...Object.fromEntries(known), ...other }).filter(([, row]) => row !== null)) as never
const missedCommandsOf = async (tables: { policies?: Rows, pins?: Rows, predictors?: Rows, damaged?: string[] }) => await missedCommands({
  policies: async () => table(ledger.policies, tables.policies),
  pins: async () => table(ledger.pins, tables.pins),
  predictors: async () => table([['p', p]], tables.predictors),
  damagedPredictors: async () => tables.damaged ?? [],
}, ledger)

t.test('nothing is missed if the tables match the ledger', async (t) => {
  t.same(await missedCommandsOf({}), [])
})

t.test('additions, changes and removals that the ledger lacks are repeated', async (t) => {
  t.match(await missedCommandsOf({ policies: { '*': { mode: 'off' }, 'model=q': null, 'model=r': { min_tokens: 7 } } }), [
    { type: 'policy', key: '*', policy: { mode: 'off' }, by: 'stopgate' }, { key: 'model=q', policy: null }, { key: 'model=r', policy: { min_tokens: 7 } },
  ])
  t.match(await missedCommandsOf({ pins: { 'model=q': null, 'model=r': pinOf(0.9) } }), [
    { type: 'pin', key: 'model=q', pin: null, reason: /could not be read/ }, { key: 'model=r', pin: { threshold: 0.9 } },
  ])
  const retired = versionOf('p', 1, 9)
  const q = versionOf('q', 2)
  t.match(await missedCommandsOf({ predictors: { p: retired, q } }), [{ type: 'predictor', name: 'p', version: retired }, { name: 'q', version: q }])
  t.match(await missedCommandsOf({ predictors: { p: null } }), [{ name: 'p', version: null }])
})

t.test('unreadable rows of the tables repeat nothing', async (t) => {
  t.same(await missedCommandsOf({ policies: { '*': UNREADABLE_POLICY }, pins: { 'model=q': UNREADABLE_PIN }, predictors: { p: null }, damaged: ['p'] }), [])
})

type AuditRows = Awaited<ReturnType<Store['audit']>>
type Runs = Awaited<ReturnType<TrainingRunStore['list']>>
const X = 'model=q,task=x'
const reset = (key: string, time: number) => ({ time, command: { type: 'reset', key, by: 'ops', reason: 'r' } })
const checkpoint = (key: string, at: number) => ({ name: 'r', suites: [{}], contexts: [{ key, step: 7, at }] })

/** The contexts that are reset, given when each epoch began. */
async function missedEpochsOf (
  epochs: Record<string, number>, { audit = [], runs = [] }: { audit?: object[], runs?: object[] }, reported: unknown[] = []) {
  const store = { audit: async () => audit as AuditRows, trainingRuns: { list: async () => runs as Runs } }
  const begun = ([key, started_at]: [string, number]): [string, ContextState] => [key, changed(state(1), { epoch: { started_at } })]
  const contexts = new Map(Object.entries(epochs).map(begun))
  const entries = await missedEpochs(store, contexts, (...report) => { reported.push(report) })
  t.ok(entries.every(({ type, by }) => type === 'reset' && by === 'stopgate'))
  return entries.map((entry) => 'key' in entry && entry.key)
}

t.test('a context whose epoch is older than its last reset is reset', async (t) => {
  const audit = [reset('a', 4000), reset('a', 6500), reset('a', 6000), reset('b', 5000), reset('gone', 6000)]
  t.same(await missedEpochsOf({ a: 5000, b: 5000 }, { audit }), ['a'])
  t.same(await missedEpochsOf({ a: 6500, b: 5000 }, { audit }), [], 'it is not reset again')
  t.same(await missedEpochsOf({ a: 6495 }, { audit }), [], 'the row may be a few milliseconds later than the entry')
  t.same(await missedEpochsOf({ a: 5000 }, { audit: [{ time: 9000, command: { type: 'pin', key: 'a' } }] }), [], 'other commands begin no epoch')
})

t.test('a reset holds for its context and those below, unless it says otherwise', async (t) => {
  const epochs = { '*': 5000, 'model=q': 5000, [X]: 5000, 'model=z,task=x': 5000 }
  t.same(await missedEpochsOf(epochs, { audit: [reset('model=q', 6000)] }), ['model=q', X])
  const { command, ...row } = reset('model=q', 6000)
  t.same(await missedEpochsOf(epochs, { audit: [{ ...row, command: { ...command, below: false } }] }), ['model=q'])
})

t.test('a checkpoint holds for its context and those below', async (t) => {
  const epochs = { '*': 5000, 'model=q': 5000, [X]: 5000, 'model=q,task=y': 7000, 'model=z,task=x': 5000 }
  t.same(await missedEpochsOf(epochs, { runs: [checkpoint('model=q', 6000)] }), ['model=q', X])
  t.same(await missedEpochsOf({ [X]: 6500 }, { runs: [checkpoint('model=q', 6000), checkpoint(X, 7000)] }), [X], 'the latest checkpoint that reaches it counts')
})

t.test('unreadable audit rows and runs are reported', async (t) => {
  const reported: unknown[] = []
  const audit = [{ id: '7', time: 6000, command: UNREADABLE_COMMAND }, reset('model=q', 6000)]
  t.same(await missedEpochsOf({ 'model=q': 5000 }, { audit, runs: [{ name: 'odd', contexts: [], suites: [] }] }, reported), ['model=q'])
  t.same(reported, [['audit', 1, { ids: ['7'] }], ['runs', 1, { names: ['odd'] }]])
})
