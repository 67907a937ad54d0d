import { outcomeOf } from '../core/learn/memory-fold.js'
import type { Law } from './contract.js'
import {
  change, cohortOf, commitOf, contentOf, headerOf, LEDGER, label, outcome, outcomes, pendingOf, pinEntry, policyEntry, predictorEntry,
  RESET, sampleOf, state, sumsOf, traceOf, trainingWriteOf, unlabelled, versionOf,
} from './fixtures.js'
import { sortRows, type StateRow } from '../../src/store/state-format.js'
import type { Store } from '../../src/store/store.js'
import { storeCohort } from '../../src/core/evidence/cohorts.js'

async function exported (store: Store) {
  const rows: StateRow[] = []
  for await (const row of store.exportRows()) rows.push(row)
  return sortRows(rows)
}

/** An outcome that waits for a label, and one whose answer lets a reference grade it. */
const ANSWERED = outcomeOf({ generation_id: 'answered', full: {}, answer_digest: '0123456789abcdef' })
const REFERENCE = { type: 'label', generation_id: 'answered', references: ['0123456789abcdef'] } as const

/** Writes a row into every table. */
async function fill (store: Store): Promise<void> {
  await store.revision()
  await store.append([...outcomes('a', 'b'), unlabelled('waits'), ANSWERED, policyEntry('*', { mode: 'shadow' }), pinEntry('model=q', 0.5), RESET, predictorEntry('p', versionOf('p', 1, 2))])
  const token = (await store.acquireLease('learner', 60_000))!
  const entries = await store.read('0-0', 2, 0)
  await store.commit(commitOf(token, {
    to: entries.at(-1)!.cursor,
    ledger: LEDGER,
    contexts: new Map([['*', state(2)], ['model=q,task="\u{1F600}"', state(1)]]),
    pending: new Map([['waits\u0000', pendingOf('waits\u0000')]]),
    cohorts: new Map([['model=q,task="\u{1F600}"', storeCohort(cohortOf())], ['*', storeCohort(cohortOf('7-1'))]]),
    follow_up: headerOf(0.1 + 0.2),
    traces: new Map([['* 3', traceOf(100)], ['model=q,task="\u{1F600}" 255', traceOf(0.1 + 0.2)]]),
    reservoir: new Map([[7, sampleOf(0.1)], [1, sampleOf(0.2)], [10, sampleOf(0.3)]]),
    decisive: ['*'],
    changes: [change(1), change(2)],
    days: [{ day: 7, contexts: new Map([['model=q,task="\u{1F600}"', sumsOf(0.1)], ['*', sumsOf(2)]]) }],
  }))
  await store.trainingRuns.write(trainingWriteOf('run "1"', null))
}

/** Law 3 of Store: export and import. */
export function stateContract (law: Law): void {
  law('an export is of one moment, also while others write', async (t, { store, other }) => {
    await store.append(outcomes('a', 'b'))
    const rows: StateRow[] = []
    for await (const row of store.exportRows()) {
      if (rows.length === 0) await other.append([...outcomes('c'), pinEntry('model=q', 0.5)])
      rows.push(row)
    }
    t.same(rows.flatMap(({ table, key }) => table === 'seen' ? [key] : []).sort(), ['a', 'b'])
    t.notOk(rows.some(({ table }) => table === 'pins'))
  })

  law('an imported state equals the exported one but for the state id', async (t, { store, other, crash }) => {
    await fill(store)
    const [state, before] = [await exported(store), await contentOf(store)]
    await t.rejects(store.importRows(state, false), { name: 'StoreTakenError' })
    t.same(await contentOf(other), before, 'a refused import writes nothing')

    await store.append([outcome('later'), policyEntry('model=z', { mode: 'off' })])
    await store.importRows(state, true)
    const reopened = await crash()
    const { revision, audit, history, ...rest } = await contentOf(reopened)
    const { revision: revisionBefore, audit: auditBefore, history: historyBefore, ...restBefore } = before
    t.same(rest, restBefore)
    t.same({ ...revision, stateId: '' }, { ...revisionBefore, stateId: '' })
    t.not(revision.stateId, revisionBefore.stateId)
    t.same(audit.map(({ id: _, ...row }) => row), auditBefore.map(({ id: _, ...row }) => row))
    t.same(history.map(({ id: _, ...row }) => row), historyBefore.map(({ id: _, ...row }) => row))
    t.same(await reopened.trainingRuns.read('run "1"'), trainingWriteOf('run "1"', null).run)
    t.same((await exported(reopened)).rows.training_series, state.rows.training_series)
    t.same([...(await reopened.readSavings(7))!], [['*', sumsOf(2)], ['model=q,task="\u{1F600}"', sumsOf(0.1)]])
    t.same(await reopened.append([outcome('a'), label('waits'), label('b'), outcome('later'), REFERENCE]), ['duplicate', 'accepted', 'duplicate', 'accepted', 'accepted'])
    t.same(state.rows.seen.map(({ key, value }) => `${key} ${(value as number[])[1]}`).sort(), ['a 0', 'answered 2', 'b 0', 'waits 1'], 'both kinds of store export the same')
    const [last] = (await reopened.read(state.meta.last_id, 1, 0))
    t.ok(last, 'new entries come after the imported ones')
  })

  law('unreadable rows of the history and the audit trail are exported and imported in their places', async (t, { store, other }) => {
    await fill(store)
    const state = await exported(store)
    const odd = ['{', {}, null, 7, { time: 'now', version: null }].map((value) => ({ value, damaged: 'odd' }))
    const around = ([first, ...rest]: readonly StateRow[]) => [first!, ...odd.map((some, i) => ({ ...first!, key: `odd${i}`, ...some })), ...rest]
    const rows = { ...state.rows, history: around(state.rows.history), audit: around(state.rows.audit) }
    await store.importRows({ ...state, rows }, true)
    const [history, audit] = [await other.history(100), await other.audit(100)]
    const gaps = Array(odd.length).fill('unreadable')
    t.same(history.map(({ cause }) => cause), ['evidence', ...gaps, 'evidence'])
    t.same(audit.map(({ command: { type } }) => type), ['predictor', 'reset', 'pin', ...gaps, 'policy'])
    for (const rows of [history, audit]) {
      const versions = rows.map(({ version }) => version)
      t.same(versions, versions.toSorted((a, b) => b - a))
      t.ok(versions.every(Number.isInteger))
    }
  })

  law('after an import a learner with an older lease commits nothing', async (t, { store }) => {
    await fill(store)
    const token = (await store.acquireLease('learner', 60_000)) ?? 1
    const { cursor } = await store.learned()
    await store.importRows(await exported(store), true)
    await t.rejects(store.commit(commitOf(token, { from: cursor, to: cursor })), { name: 'LeaseLostError' })
    t.ok((await store.acquireLease('another', 1000))! > token)
  })

  law('an import does not overwrite a store that has only a predictor or a sample', async (t, { store }) => {
    await store.revision()
    const empty = await exported(store)
    const sample = { table: 'reservoir', key: '3', value: sampleOf(0.5) } as const
    await store.importRows({ ...empty, rows: { ...empty.rows, reservoir: [sample] } }, false)
    t.same((await exported(store)).rows.reservoir, [sample])
    await t.rejects(store.importRows(empty, false), { name: 'StoreTakenError' })
    const predictor = { table: 'predictors', key: 'p', value: versionOf('p', 1) } as const
    await store.importRows({ ...empty, rows: { ...empty.rows, predictors: [predictor] } }, true)
    t.same([(await exported(store)).rows.reservoir, (await exported(store)).rows.predictors], [[], [predictor]])
    await t.rejects(store.importRows(empty, false), { name: 'StoreTakenError' })
    await store.importRows(empty, true)
    t.same(await store.predictors(), new Map())
  })

  law('an empty state can be exported and imported', async (t, { store }) => {
    await store.revision()
    const state = await exported(store)
    t.same(state.rows.contexts, [])
    await store.importRows(state, false)
    t.match(await store.learned(), { contexts: new Map(), cohorts: new Map(), follow_up: null, ledger: null })
    t.same(await store.append([outcome('a')]), ['accepted'])
  })
}
