import t from 'tap'
import { temporaryFolder } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { endUnderLoad } from './end-under-load.js'

t.test('SIGTERM under load loses no acknowledged outcome of the embedded store', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  await endUnderLoad(t, { env: { DATA_DIR }, open: { dataDir: DATA_DIR } })
})

t.test('SIGTERM under load loses no acknowledged outcome of Redis', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await endUnderLoad(t, { env: { REDIS_URL: redis.url }, open: { redisUrl: redis.url, dataDir: '' } })
})
