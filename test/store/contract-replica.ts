import type { Store } from '../../src/store/store.js'
import { until } from '../helper.js'
import type { Law } from './contract.js'
import { commitOf, idsIn, outcome, pinEntry, state, TICK } from './fixtures.js'

const LONG = 600_000

/** A read that did not wait would have returned after these calls, which the store answers later. */
async function hasBegunToWait (store: Store): Promise<void> {
  for (let call = 0; call < 10; call++) await store.revision()
}

/** Laws about replicas: the state id, waiting reads, notices and versions. */
export function replicaContract (law: Law): void {
  law('state id and salt are made once', async (t, { store, other, crash }) => {
    const [one, two] = await Promise.all([store.revision(), other.revision()])
    t.match(one, { stateId: /^[\w-]{36}$/, salt: /^[\w-]{36}$/, version: 0, policyVersion: 0, lag: 0, lagMs: 0 })
    t.same(two, one)
    const again = await (await crash()).revision()
    t.same(again, one)
  })

  law('a read waits for the first entry', async (t, { store, other }) => {
    const waiting = store.read('0-0', 10, LONG)
    await hasBegunToWait(store)
    await other.append([outcome('a')])
    t.same(idsIn(await waiting), ['a'])
    t.same(idsIn(await store.read('0-0', 10, LONG)), ['a'], 'a read does not wait when there is an entry')
  })

  law('a read waits at most the given time', async (t, { store }) => {
    t.same(await store.read('0-0', 10, 100), [])
  })

  law('a read that waits returns when the store is closed', async (t, { store }) => {
    const waiting = store.read('0-0', 10, LONG)
    await hasBegunToWait(store)
    await store.close()
    t.same(await waiting, [])
  })

  law('every replica gets a notice when the version moves, and only then', async (t, { store, other }) => {
    let count = 0
    store.onNotice(() => { count++ })
    let others = 0
    other.onNotice(() => { others++ })
    const token = (await store.acquireLease('a', 60_000))!
    await other.append([outcome('a'), TICK])
    await store.commit(commitOf(token, { contexts: new Map([['*', state(1)]]) }))
    await other.append([pinEntry('*', 0.5)])
    await until('both hear of the pin', () => count === 1 && others === 1)
    await store.commit(commitOf(token, { decisive: ['*'] }))
    await until('both hear of the commit', () => count === 2 && others === 2)
    await other.revision()
    t.same([count, others], [2, 2])
  })

  law('a loss that was noted is kept, the first one, until it is acknowledged', async (t, { store, other, crash }) => {
    t.equal((await store.revision()).loss, null)
    await store.noteLoss({ kind: 'older', at: 5 })
    await other.noteLoss({ kind: 'replaced', at: 7 })
    t.same((await other.revision()).loss, { kind: 'older', at: 5 })
    const again = await crash()
    t.same((await again.revision()).loss, { kind: 'older', at: 5 })
    await again.append([{ type: 'acknowledgement', by: 'ops', reason: 'restored' }])
    t.equal((await again.revision()).loss, null)
    t.match(await again.audit(10), [{ command: { type: 'acknowledgement', by: 'ops', reason: 'restored' }, replaced: null }])
  })

  law('an announced change can be read at once', async (t, { store, other }) => {
    const heard = new Promise<number>((resolve) => {
      other.onNotice(() => { other.revision().then(({ version }) => { resolve(version) }, () => {}) })
    })
    await store.append([pinEntry('*', 0.5)])
    t.equal(await heard, 1)
  })

  law('a working store is up and has no warnings', async (t, { store }) => {
    await store.revision()
    t.equal(store.isUp(), true)
    const warnings = await store.warnings()
    t.same(warnings.filter((text) => !/REDIS_WAIT_REPLICAS/.test(text)), [], 'but for the advice to wait for replicas in a Cluster')
  })
}
