import { pino } from 'pino'
import t, { type Test } from 'tap'
import { storeCohort } from '../../../src/core/evidence/cohorts.js'
import { readConfig } from '../../../src/service/config/config.js'
import { createCommander } from '../../../src/service/learner/commander.js'
import { learnerRestorer } from '../../../src/service/learner/restore-learner.js'
import { isUnreadable, readState } from '../../../src/store/encoding/context-states.js'
import { createStore } from '../../../src/store/open/create-store.js'
import type { Store } from '../../../src/store/store.js'
import { temporaryFolder } from '../../helper.js'
import { cohortOf, commitOf, headerOf, LEDGER, pendingOf, predictorEntry, state, versionOf } from '../../store/fixtures.js'
import { changed } from '../../changed-state.js'

/** A store, a learner's start on it, and the corruption that was reported. */
async function restoreOn (t: Test, overrides: Partial<Store> = {}) {
  const store = await createStore({ dataDir: await temporaryFolder(t) })
  t.teardown(() => store.close())
  const reported: unknown[] = []
  const view: Store = new Proxy(store, {
    get: (target, name) => overrides[name as keyof Store] ?? ((value) => typeof value === 'function' ? value.bind(target) : value)(target[name as keyof Store]),
  })
  const start = (settings = {}) => learnerRestorer({
    store: view,
    config: readConfig(settings),
    log: pino({ level: 'silent' }),
    command: createCommander(store, { refresh: async () => {} }),
    reportCorruption: (what, count) => { if (count > 0) reported.push([what, count]) },
  })
  return { store, reported, start, token: (await store.acquireLease('a', 60_000))! }
}

t.test('a new store gets the configuration of its first learner; a later change goes through the log', async (t) => {
  const { store, start, token, reported } = await restoreOn(t)
  const { ledger } = await start()(token)
  t.match(ledger.configuration, { max_contexts: readConfig({}).maxContexts })
  t.same((await store.learned()).ledger, ledger)
  await start()(token)
  t.same(await store.read((await store.learned()).cursor, 10, 0), [], 'an unchanged configuration adds no entry')
  await start({ MAX_CONTEXTS: '7' })(token)
  t.match(await store.read((await store.learned()).cursor, 10, 0), [{ entry: { type: 'configuration', configuration: { max_contexts: 7 } } }])
  t.same(reported, [])
})

t.test('an unreadable ledger is restored from the tables', async (t) => {
  const damaged = { ledger: 1, pending: ['x', 'y'], cohorts: [], samples: [] }
  const ground = await restoreOn(t, { learned: async () => ({ ...await ground.store.learned(), ledger: null, damaged }) })
  const { store, start, token, reported } = ground
  await store.append([predictorEntry('p', versionOf('p', 1))])
  const { ledger, predictors } = await start()(token)
  t.same(ledger.predictors.map(({ name }) => name), ['p'])
  t.same([...predictors.keys()], ['p'])
  t.same((await store.learned()).ledger, ledger, 'the restored ledger is stored')
  t.same(reported, [['ledger', 1], ['pending', 2]])
})

t.test('cohorts, their clock and pending outcomes are restored', async (t) => {
  const { store, start, token, reported } = await restoreOn(t)
  const cohort = storeCohort(cohortOf())
  const given = { contexts: new Map([['model=q', state(1)]]), pending: new Map([['waits', pendingOf('waits')]]), cohorts: new Map([['model=q', cohort]]) }
  await store.commit(commitOf(token, { ...given, follow_up: headerOf(7), ledger: LEDGER }))
  const { cohorts, pending } = await start()(token)
  t.same(storeCohort(cohorts.get('model=q')!), cohort)
  t.same(cohorts.header, headerOf(7))
  t.same([...pending.values()], [pendingOf('waits')])
  t.same(reported, [])
})

t.test('a context with an unreadable cohort or state starts a new epoch without enrolled generations', async (t) => {
  const [X, Y, Z] = ['model=q,task=x', 'model=q,task=y', 'model=q,task=z']
  const damaged = { ledger: 0, pending: [], cohorts: [X], samples: [] }
  const ground = await restoreOn(t, {
    learned: async () => {
      const learned = await ground.store.learned()
      const cohorts = new Map([...learned.cohorts].filter(([key]) => key !== X))
      return { ...learned, contexts: new Map([...learned.contexts, [Y, readState('{')]]), cohorts, damaged }
    },
  })
  const { store, start, token, reported } = ground
  const keys = [X, Y, Z]
  const certified = changed(state(1), { epoch: { number: 7 }, rule: { index: 3, threshold: 0.9 } })
  await store.commit(commitOf(token, {
    contexts: new Map(keys.map((key) => [key, certified])),
    pending: new Map(keys.map((key) => [key, { ...pendingOf(key), key }])),
    cohorts: new Map(keys.map((key) => [key, storeCohort(cohortOf())])),
    follow_up: headerOf(7),
    ledger: LEDGER,
  }))
  const { contexts, cohorts, pending } = await start()(token)
  t.match(await store.read('0-0', 10, 0), [X, Y].map((key) => ({ entry: { type: 'reset', key, below: false } })).reverse())
  t.match(contexts.get(X), { epoch: { number: 7, name: '' }, rule: { threshold: null } }, 'until the reset is folded it certifies nothing')
  t.ok(isUnreadable(contexts.get(Y)!))
  t.match(contexts.get(Z), { rule: { threshold: 0.9 } })
  t.same([...cohorts.keys()], [Z])
  t.same([...pending.values()].map(({ key }) => key), [Z])
  const stored = await store.learned()
  t.same([[...stored.cohorts.keys()], stored.pending.map(({ key }) => key)], [[Z], [Z]])
  t.match(stored.contexts.get(X), { rule: { threshold: null } })
  t.same(await store.changedSince(0), [X], 'replicas hear of it')
  t.same(reported, [['cohorts', 1]])
  t.match((await store.revision()).loss, { kind: 'unreadable' }, 'until somebody acknowledges it')
})
