import t from 'tap'
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
  t.same(await lossOf(one), { lost: false, kind: null, at: null, restore: null })
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
