import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createCommander } from '../../src/operations/commander.js'
import { readConfig } from '../../src/config/config.js'
import { learnerRestorer } from '../../src/learning/restore-learner.js'
import { createStore } from '../../src/store/create-store.js'
import type { Store } from '../../src/store/store.js'
import { temporaryFolder } from '../helper.js'
import { predictorEntry, versionOf } from '../store/fixtures.js'

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
  const damaged = { ledger: 1, pending: ['x', 'y'], samples: [] }
  const ground = await restoreOn(t, { learned: async () => ({ ...await ground.store.learned(), ledger: null, damaged }) })
  const { store, start, token, reported } = ground
  await store.append([predictorEntry('p', versionOf('p', 1))])
  const { ledger, predictors } = await start()(token)
  t.same(ledger.predictors.map(({ name }) => name), ['p'])
  t.same([...predictors.keys()], ['p'])
  t.same((await store.learned()).ledger, ledger, 'the restored ledger is stored')
  t.same(reported, [['ledger', 1], ['pending', 2]])
})
