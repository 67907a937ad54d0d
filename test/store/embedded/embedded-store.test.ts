import { statSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { encodeState } from '../../../src/store/encoding/context-states.js'
import { seed } from '../seeded-state.js'
import { driveClock } from '../../clock.js'
import { temporaryFolder } from '../../helper.js'
import { contract, type StoreLimits } from '../contract.js'
import { commitOf } from '../fixtures.js'

import t, { type Test } from 'tap'

contract(t, async (t: Test, limits: StoreLimits = {}) => {
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
    async crash () { // as far as that goes within one process; kill.test.ts kills a process
      await store.close()
      return open()
    },
  }
})

t.test('a guest shares the folder and its events, and only the newest lease may commit', async (t) => {
  const dataDir = await temporaryFolder(t)
  const host = await EmbeddedStore.open({ dataDir })
  t.teardown(() => host.close())
  const guest = await EmbeddedStore.open({ dataDir, isGuest: true })
  const { cursor } = await guest.learned()
  driveClock(t) // which stands still: the read would wait forever
  const waiting = guest.read(cursor, 10, 60_000)
  const key = 'model=m,task=t'
  await host.append([{ type: 'policy', key, policy: { max_em_drop: 0.01 }, by: 'test', reason: 'a test' }])
  t.equal((await waiting).length, 1, 'an append by the host wakes a waiting read of the guest')

  const noticed = new Promise<number>((resolve) => { host.onNotice(async () => { resolve((await host.revision()).version) }) })
  const before = (await host.revision()).version
  const token = await guest.acquireLease('guest', 60_000) as number
  const { decisive: _, token: __, ...nothing } = commitOf(0, { from: cursor, to: cursor })
  await guest.commit({ ...nothing, token, decisive: [key] })
  t.equal(await noticed, before + 1, 'the host gets a notice of the guest\'s commit and reads its version')

  await host.acquireLease('host', 60_000)
  t.equal(await guest.renewLease(token, 60_000), false)
  await t.rejects(guest.commit({ ...nothing, token, decisive: [] }), { name: 'LeaseLostError' })
  await guest.close()
  t.equal((await host.append([{ type: 'tick' }])).length, 1, 'the host continues when the guest has closed')
})

t.test('states take a third of their length in the file, so that the memory of its pages is small', async (t) => {
  const dataDir = await temporaryFolder(t)
  const store = await EmbeddedStore.open({ dataDir })
  t.teardown(() => store.close())
  const before = statSync(join(dataDir, 'data.mdb')).size
  await seed(store, 300, 4)
  const used = statSync(join(dataDir, 'data.mdb')).size - before
  const states = [...(await store.learned()).contexts.values()]
  const written = states.reduce((sum, state) => sum + encodeState(state).length, 0)
  t.ok(used < written / 2, `${used} bytes for states of ${written}`)
})
