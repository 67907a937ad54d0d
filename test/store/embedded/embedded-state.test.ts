import t from 'tap'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { metaRows, sortRows } from '../../../src/store/state-format.js'
import { temporaryFolder } from '../../helper.js'
import { contentOf, outcome, policyEntry } from '../fixtures.js'

// contract-state.ts tests the laws of export and import.

t.test('an import that fails in the middle writes nothing', async (t) => {
  const store = await EmbeddedStore.open({ dataDir: await temporaryFolder(t) })
  t.teardown(() => store.close())
  await store.append([outcome('a'), policyEntry('*', { mode: 'off' })])
  const before = await contentOf(store)
  const meta = metaRows({ salt: 's', version: 9, policy_version: 9, cursor: '0-0', last_id: '0-0', ledger: null, follow_up: null })
  const torn = sortRows([...meta, { table: 'contexts', key: 'x'.repeat(9000), value: {} }]) // longer than the longest key
  await t.rejects(store.importRows(torn, true))
  t.same(await contentOf(store), before)
})
