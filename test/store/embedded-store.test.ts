import t, { type Test } from 'tap'
import { EmbeddedStore } from '../../src/store/embedded-store.js'
import { temporaryFolder } from '../helper.js'
import { contract, type GroundOptions } from './contract.js'

contract(t, async (t: Test, limits: GroundOptions = {}) => {
  const dataDir = await temporaryFolder(t)
  const open = async () => {
    const store = await EmbeddedStore.open({ dedupSeconds: 3600, ...limits, dataDir })
    t.teardown(() => store.close())
    return store
  }
  const store = await open()
  return {
    store,
    other: store,
    async crash () { // as far as that goes within one process; embedded-crash.test.ts kills one
      await store.close()
      return open()
    },
  }
})
