import t from 'tap'
import { certify, losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis, type RedisSettings } from '../../redis-server.js'

// Managed servers of Redis have no CONFIG, or do not let their users call it.

const SERVERS: Readonly<Record<string, RedisSettings>> = {
  'without CONFIG': { ...DURABLE, 'rename-command': 'CONFIG ' },
  'whose users may not call CONFIG': { ...DURABLE, user: 'default on nopass ~* &* +@all -config' },
}

for (const [name, settings] of Object.entries(SERVERS)) {
  t.test(`the service works on a Redis ${name}, and warns once`, { skip: withoutRedis }, async (t) => {
    const { url } = await startRedis(t, settings)
    const built = await build(t, { REDIS_URL: url, POLL_SECONDS: '0.2' })
    const { send } = built
    await until('it is the learner', async () => (await send('GET', '/readyz')).body.learner.leader)
    const { status, body } = await send('GET', '/readyz')
    t.match({ status, body }, { status: 200, body: { ready: true, store: { kind: 'redis', up: true } } })
    t.match(body.warnings, [/^The settings of Redis cannot be read \(CONFIG GET\): make sure that it has `appendonly yes`/])
    t.equal(body.warnings.length, 1)
    await certify(built)
    t.equal((await send('POST', '/v1/outcomes', losslessOutcome('a'))).status, 202)
    t.match(await send('POST', '/v1/outcomes', losslessOutcome('a')), { status: 202, body: { duplicates: 1 } })
  })
}
