import { readdir } from 'node:fs/promises'
import t from 'tap'
import { withStore } from '../../../src/cli/command-line/with-store.js'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { temporaryFolder } from '../../helper.js'

t.test('the store is open during the call and closed afterwards', async (t) => {
  const dataDir = await temporaryFolder(t)
  await withStore({ DATA_DIR: dataDir }, async (store) => { t.same(await store.policies(), new Map()) })
  const again = await EmbeddedStore.open({ dataDir })
  await again.close()
})

t.test('the check runs before the store is created', async (t) => {
  const dataDir = await temporaryFolder(t)
  const refuse = () => { throw new Error('not this folder') }
  await t.rejects(withStore({ DATA_DIR: dataDir }, async () => {}, refuse), { name: 'CommandError', message: 'not this folder' })
  t.same(await readdir(dataDir), [])
})

t.test('an invalid setting is a usage error', async (t) => {
  await t.rejects(withStore({ PORT: 'x' }, async () => {}), { name: 'UsageError', message: /PORT/ })
})
