import type { Law } from './contract.js'
import {
  change, commitOf, contentOf, LEDGER, label, outcome, outcomes, pendingOf, pinEntry, policyEntry, RESET, state, trainingWriteOf,
  unlabelled,
} from './fixtures.js'
import { sortRows, type StateRow } from '../../src/store/state-row.js'
import type { Store } from '../../src/store/store.js'

async function exported (store: Store) {
  const rows: StateRow[] = []
  for await (const row of store.exportRows()) rows.push(row)
  return sortRows(rows)
}

/** Something in every table. */
async function fill (store: Store): Promise<void> {
  await store.revision()
  await store.append([...outcomes('a', 'b'), unlabelled('waits'), policyEntry('*', { mode: 'shadow' }), pinEntry('model=q', 0.5), RESET])
  const token = (await store.acquireLease('learner', 60_000))!
  const entries = await store.read('0-0', 2, 0)
  await store.commit(commitOf(token, {
    to: entries.at(-1)!.cursor,
    ledger: LEDGER,
    contexts: new Map([['*', state(2)], ['model=q,task="\u{1F600}"', state(1)]]),
    pending: new Map([['waits\u0000', pendingOf('waits\u0000', 1)]]),
    decisive: ['*'],
    changes: [change(1), change(2)],
  }))
  await store.writeTraining(trainingWriteOf('run "1"', null))
}

/** Law 9: the whole state, out of a store and into it. */
export function stateContract (law: Law): void {
  law('what was exported and imported is the same, under another state id', async (t, { store, other, crash }) => {
    await fill(store)
    const [state, before] = [await exported(store), await contentOf(store)]
    await t.rejects(store.importRows(state, false), { name: 'StoreTakenError' })
    t.same(await contentOf(other), before, 'nothing was written')

    await store.append([outcome('later'), policyEntry('model=z', { mode: 'off' })])
    await store.importRows(state, true)
    const reopened = await crash()
    const { revision, audit, ...rest } = await contentOf(reopened)
    const { revision: revisionBefore, audit: auditBefore, ...restBefore } = before
    t.same(rest, restBefore)
    t.same({ ...revision, stateId: '' }, { ...revisionBefore, stateId: '' })
    t.not(revision.stateId, revisionBefore.stateId)
    t.same(audit.map(({ id: _, ...row }) => row), auditBefore.map(({ id: _, ...row }) => row))
    t.same(await reopened.trainingRun('run "1"'), trainingWriteOf('run "1"', null).run)
    t.same((await exported(reopened)).rows.training_series, state.rows.training_series)
    t.same(await reopened.append([outcome('a'), label('waits'), label('b'), outcome('later')]), ['duplicate', 'accepted', 'duplicate', 'accepted'])
    const [last] = (await reopened.read(state.meta.last_id, 1, 0))
    t.ok(last, 'and new entries come after those there were')
  })

  law('a learner of before commits nothing after an import', async (t, { store }) => {
    await fill(store)
    const token = (await store.acquireLease('learner', 60_000)) ?? 1
    const { cursor } = await store.learned()
    await store.importRows(await exported(store), true)
    await t.rejects(store.commit(commitOf(token, { from: cursor, to: cursor })), { name: 'LeaseLostError' })
    t.ok((await store.acquireLease('another', 1000))! > token)
  })

  law('an empty state is one too', async (t, { store }) => {
    await store.revision()
    const state = await exported(store)
    t.same(state.rows.contexts, [])
    await store.importRows(state, false)
    t.same((await store.learned()).contexts.size, 0)
    t.same(await store.append([outcome('a')]), ['accepted'])
  })
}
