import t from 'tap'
import { removeExpiredPins } from '../../src/learning/remove-expired-pins.js'
import type { Store } from '../../src/store/store.js'
import { build } from '../helper.js'
import type { Pin } from '../../src/core/judgement/pin.js'

const NOW = Date.now()
const pin = (expires_at: number | null): Pin => ({ threshold: 0.5, reason: 'r', by: 'ops', expires_at })
const set = (store: Store, key: string, expires_at: number | null) => store.append([{ type: 'pin', key, pin: pin(expires_at), by: 'ops', reason: 'r' }])

t.test('only expired pins are removed', async (t) => {
  const { store, learner } = await build(t)
  await learner.close()
  for (const [key, end] of [['*', NOW - 1], ['model=a', NOW], ['model=b', NOW + 60_000], ['model=c', null]] as const) await set(store, key, end)
  await removeExpiredPins(store, await store.pins(), NOW)
  t.same([...(await store.pins()).keys()], ['model=b', 'model=c'])
  t.match(await store.audit(2), [{ command: { by: 'stopgate', reason: 'expired', pin: null }, replaced: pin(NOW) }, { command: { by: 'stopgate' } }])
})

t.test('a pin set meanwhile is not removed', async (t) => {
  const { store, learner } = await build(t)
  await learner.close()
  await set(store, '*', NOW - 1)
  const ledgerPins = await store.pins()
  let isFirst = true
  const racing = new Proxy(store, {
    get: (target, name) => name === 'append' && isFirst
      ? async (...args: Parameters<Store['append']>) => { isFirst = false; await set(store, '*', null); return await store.append(...args) }
      : ((value) => typeof value === 'function' ? value.bind(target) : value)(target[name as keyof Store]),
  })
  await removeExpiredPins(racing, ledgerPins, NOW)
  t.same(await store.pins(), new Map([['*', pin(null)]]), 'the pin set meanwhile stays')
  await removeExpiredPins(store, ledgerPins, NOW)
  t.same(await store.pins(), new Map([['*', pin(null)]]), 'the ledger still has the old pin, the table has the new one')
})
