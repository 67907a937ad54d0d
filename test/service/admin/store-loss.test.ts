import t from 'tap'
import { pino } from 'pino'
import { createStoreLoss } from '../../../src/service/admin/store-loss.js'
import { createSnapshotHolder } from '../../../src/service/snapshot/snapshot-holder.js'
import type { Store } from '../../../src/store/store.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { build, type Built, until } from '../../helper.js'
import { startRedis, withoutRedis } from '../../redis-server.js'
import { Redis } from 'ioredis'

const lossOf = async ({ send }: Pick<Built, 'send'>) => (await send('GET', '/v1/store-loss')).body
const isWarned = async ({ send }: Pick<Built, 'send'>) => (await send('GET', '/readyz')).body.warnings.some((warning: string) => warning.includes('the store is another one than before'))

t.test('an emptied store is a warning on all replicas, also on later ones, until it is acknowledged', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t)
  const env = { REDIS_URL: redis.url, POLL_SECONDS: '0.1' }
  const one = await build(t, env)
  await one.send('PUT', '/v1/contexts/model=q/policy', { mode: 'shadow' })
  t.same(await lossOf(one), { lost: false, kind: null, at: null })
  const client = new Redis(redis.url)
  await client.flushall()
  client.disconnect()
  await until('the loss is seen', async () => (await lossOf(one)).lost)
  t.match(await lossOf(one), { kind: 'replaced', at: /^20\d\d-/ })
  const later = await build(t, env)
  await until('a replica that starts later warns, too', () => isWarned(later))
  t.match((await later.send('GET', '/metrics')).body, 'stopgate_store_lost 1\n')
  t.match(await later.send('POST', '/v1/store-loss/acknowledgement', { reason: 'learned again' }), { status: 200, body: { lost: false } })
  await until('all replicas are calm', async () => !await isWarned(one) && !await isWarned(later))
  t.match((await one.send('GET', '/v1/audit')).body.commands, [{ type: 'acknowledgement', key: null, by: 'anonymous', reason: 'learned again' }])
  t.match(await one.send('POST', '/v1/store-loss/acknowledgement', { reason: 'again' }), { body: { lost: false } }, 'nothing is left to acknowledge')
  t.equal((await one.send('GET', '/v1/audit')).body.commands.length, 1)
})

t.test('an acknowledgement needs a reason', async (t) => {
  const built = await build(t)
  t.equal((await built.send('POST', '/v1/store-loss/acknowledgement', {})).status, 400)
})

t.test('a loss that could not be noted in the store is not noted after its acknowledgement', async (t) => {
  const built = await build(t)
  let isRefused = true
  let version = 7
  const overrides: Partial<Store> = {
    async noteLoss (loss) { if (isRefused) throw new StoreUnavailableError('full'); await built.store.noteLoss(loss) },
    revision: async () => ({ ...await built.store.revision(), version }),
  }
  const store = new Proxy(built.store, {
    get (target, name) {
      const value = overrides[name as keyof Store] ?? target[name as keyof Store]
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
  const snapshotHolder = createSnapshotHolder({ store, config: built.config, log: pino({ level: 'silent' }) })
  t.teardown(snapshotHolder.close)
  const storeLoss = createStoreLoss({ store, snapshotHolder })
  await snapshotHolder.refresh()
  version = 0
  await snapshotHolder.refresh()
  t.match(storeLoss.view(), { lost: true, kind: 'older' })
  isRefused = false
  t.match(await storeLoss.acknowledge({ by: 'ops', reason: 'restored' }), { lost: false })
  t.equal((await built.store.revision()).loss, null)
})
