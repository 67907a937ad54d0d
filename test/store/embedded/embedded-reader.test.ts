import t from 'tap'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { temporaryFolder } from '../../helper.js'
import { commitOf, pinEntry, predictorEntry, state, versionOf } from '../fixtures.js'

t.test('a guest reads commands and commits of its host', async (t) => {
  const dataDir = await temporaryFolder(t)
  const host = await EmbeddedStore.open({ dataDir })
  t.teardown(() => host.close())
  const guest = await EmbeddedStore.open({ dataDir, isGuest: true })
  t.same(await guest.contextKeys(), [])

  await host.append([pinEntry('*', 0.9), predictorEntry('p', versionOf('p', 1))])
  const token = (await host.acquireLease('a', 10_000))!
  await host.commit(commitOf(token, { contexts: new Map([['a', state(1)], ['b', state(2)]]), decisive: ['b'] }))
  t.match((await guest.pins()).get('*'), { threshold: 0.9 })
  t.same([...(await guest.predictors()).keys()], ['p'])
  t.same(await guest.damagedPredictors(), [])
  t.equal((await guest.audit(10)).length, 2)
  t.same(await guest.contextKeys(), ['a', 'b'])
  t.same(await guest.readContexts(['a', 'none']), new Map([['a', state(1)]]))
  t.same(await guest.changedSince((await guest.revision()).version - 1), ['b'])

  await guest.close()
  await t.rejects(guest.pins(), { name: 'StoreUnavailableError' }, 'a closed store reads nothing')
  t.equal((await host.pins()).size, 1)
})
