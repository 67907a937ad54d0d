import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createCommander } from '../../src/operations/commander.js'
import { readConfig } from '../../src/config/config.js'
import { learnerRestorer } from '../../src/learning/restore-learner.js'
import { createStore } from '../../src/store/create-store.js'
import type { Store } from '../../src/store/store.js'
import { temporaryFolder } from '../helper.js'
import { predictorEntry, versionOf } from '../store/fixtures.js'

/** A store, a learner's start on it, and what was told to be damaged. */
async function recallOn (t: Test, overrides: Partial<Store> = {}) {
  const store = await createStore({ dataDir: await temporaryFolder(t) })
  t.teardown(() => store.close())
  const told: unknown[] = []
  const view: Store = new Proxy(store, {
    get: (target, name) => overrides[name as keyof Store] ?? ((value) => typeof value === 'function' ? value.bind(target) : value)(target[name as keyof Store]),
  })
  const start = (settings = {}) => learnerRestorer({
    store: view,
    config: readConfig(settings),
    log: pino({ level: 'silent' }),
    command: createCommander(store, { refresh: async () => {} }),
    tellDamage: (what, count) => { if (count > 0) told.push([what, count]) },
  })
  return { store, told, start, token: (await store.acquireLease('a', 60_000))! }
}

t.test('a new store starts with the configuration of its first learner, one that has another gets it through the log', async (t) => {
  const { store, start, token, told } = await recallOn(t)
  const { ledger } = await start()(token)
  t.match(ledger.configuration, { max_contexts: readConfig({}).maxContexts })
  t.same((await store.learned()).ledger, ledger)
  await start()(token)
  t.same(await store.read((await store.learned()).cursor, 10, 0), [], 'the same again is no news')
  await start({ MAX_CONTEXTS: '7' })(token)
  t.match(await store.read((await store.learned()).cursor, 10, 0), [{ entry: { type: 'configuration', configuration: { max_contexts: 7 } } }])
  t.same(told, [])
})

t.test('a ledger that is damaged is made again with the predictors there are', async (t) => {
  const damaged = { ledger: 1, pending: ['x', 'y'], samples: [] }
  const ground = await recallOn(t, { learned: async () => ({ ...await ground.store.learned(), ledger: null, damaged }) })
  const { store, start, token, told } = ground
  await store.append([predictorEntry('p', versionOf('p', 1))])
  const { ledger, predictors } = await start()(token)
  t.same(ledger.predictors.map(({ name }) => name), ['p'])
  t.same([...predictors.keys()], ['p'])
  t.same((await store.learned()).ledger, ledger, 'and is stored')
  t.same(told, [['ledger', 1], ['pending', 2]])
})
