import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { KEYS } from '../../src/store/redis/redis-keys.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build, until, type Built } from '../helper.js'
import { DURABLE, freePort, startRedis, withoutRedis, type RedisServer } from '../redis-server.js'
import { treatedGenerations, treatedOutcome } from './treated-outcome.js'

// Redis answers, but its state was changed or it refuses writes. Each test checks what callers see, what readyz and metrics report, and
// that the service recovers by itself.

const skip = withoutRedis
const treated = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }

async function certified (t: Test, settings = DURABLE): Promise<{ redis: RedisServer, built: Built, admin: Redis }> {
  const redis = await startRedis(t, settings)
  const built = await build(t, { REDIS_URL: redis.url, POLL_SECONDS: '0.2', LEASE_SECONDS: '0.5' })
  await until('Redis is reached', async () => (await built.send('GET', '/readyz')).status === 200)
  await certify(built)
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })
  return { redis, built, admin }
}

const report = async ({ send }: Built, id: string) => (await send('POST', '/v1/outcomes', treatedOutcome(id))).status
const isTaken = (built: Built, name: string) => until('outcomes are taken again', async () => await report(built, name) === 202)
const learned = ({ send }: Built, key = KEY) => treatedGenerations((path) => send('GET', path), key)

/** The replica stays ready, and says that the store takes no writes, however often it is read. */
async function warnsOfRefusals (t: Test, { send, snapshotHolder }: Built, warning: RegExp): Promise<void> {
  for (let reading = 0; reading < 2; reading++) {
    const { status, body } = await send('GET', '/readyz')
    t.match({ status, body }, { status: 200, body: { ready: true, store: { up: false } } })
    t.match(body.warnings.join(), warning)
    t.match((await send('GET', '/metrics')).body, 'stopgate_store_up 0\n')
    await snapshotHolder.refresh()
  }
}

/** Nobody has to report for the service to see that writes are taken again. */
const warnsNoMore = ({ send }: Built) => until('the warning is gone', async () => {
  const { store, warnings } = (await send('GET', '/readyz')).body
  return store.up && warnings.length === 0
})

t.test('after Redis restarts empty, nothing is stopped and learning starts again', { skip }, async (t) => {
  const { redis, built } = await certified(t)
  const before = (await built.send('GET', '/v1/snapshot')).body.state_id
  await redis.stop('SIGKILL')
  for (const file of await readdir(redis.folder)) await rm(join(redis.folder, file), { recursive: true })
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } }, 'the last model decides until the change is noticed')
  await redis.start()
  await until('the new state is known', async () => (await built.send('GET', '/v1/snapshot')).body.state_id !== before)
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'continue', reason: 'no_threshold', threshold: null } })
  t.match((await built.send('GET', '/readyz')).body.warnings, [/^Since \S+ the store is another one than before, so what was learned is lost\. .* import the last backup/])
  t.match((await built.send('GET', '/metrics')).body, 'stopgate_store_lost 1\n')
  await isTaken(built, 'again')
  await until('it is learned', async () => await learned(built) >= 1)
})

t.test('while Redis is read-only, outcomes are refused and decisions continue', { skip }, async (t) => {
  const { built, admin } = await certified(t)
  await admin.replicaof('127.0.0.1', String(await freePort()))
  t.match(await built.send('POST', '/v1/outcomes', treatedOutcome('refused')), { status: 503, headers: { 'retry-after': '1' } })
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  t.match((await built.send('GET', '/metrics')).body, 'stopgate_store_up 0\n')
  await admin.replicaof('NO', 'ONE')
  await isTaken(built, 'refused')
  await until('it is learned, once', async () => await learned(built) === 1)
})

t.test('while Redis is out of memory, outcomes are refused whole, decisions continue and nothing is lost', { skip }, async (t) => {
  const { built, admin } = await certified(t)
  await admin.config('SET', 'maxmemory', '1')
  t.match(await built.send('POST', '/v1/outcomes', treatedOutcome('refused')), { status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  await warnsOfRefusals(t, built, /Redis refuses writes.*OOM/)
  await admin.config('SET', 'maxmemory', '0')
  await warnsNoMore(built)
  await isTaken(built, 'refused')
  await until('it is learned, once', async () => await learned(built) === 1)
})

t.test('while Redis cannot write to its disk, outcomes are refused, decisions continue and readyz warns', { skip }, async (t) => {
  const { redis, built, admin } = await certified(t, { ...DURABLE, dbfilename: 'in-the-way' })
  const save = (status: string) => until(`a snapshot ends with ${status}`, async () => {
    await admin.bgsave().catch(() => {}) // the one before may not have ended
    return (await admin.info('persistence')).includes(`rdb_last_bgsave_status:${status}`)
  })
  await mkdir(join(redis.folder, 'in-the-way')) // no file can take the place of a folder
  await admin.config('SET', 'save', '3600 1')
  await save('err')
  t.match(await built.send('POST', '/v1/outcomes', treatedOutcome('refused')), { status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  await warnsOfRefusals(t, built, /Redis refuses writes.*MISCONF/)
  await rm(join(redis.folder, 'in-the-way'), { recursive: true })
  await save('ok')
  await warnsNoMore(built)
  await isTaken(built, 'refused')
  await until('it is learned, once', async () => await learned(built) === 1)
})

t.test('a key of the wrong type gives 500 with an id, decisions continue and readyz reports the learner\'s failure', { skip }, async (t) => {
  const { built, admin } = await certified(t)
  await admin.rename(KEYS.log, 'kept')
  await admin.set(KEYS.log, 'not a log')
  t.match(await built.send('POST', '/v1/outcomes', treatedOutcome('refused')), { status: 500, body: { message: /request id/ } })
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  await until('readyz says so', async () => /learner is failing/.test((await built.send('GET', '/readyz')).body.warnings.join()))
  await admin.rename('kept', KEYS.log)
  await isTaken(built, 'refused')
  await until('it is learned, once', async () => await learned(built) === 1)
})

t.test('a context with an unreadable state continues and starts a new epoch, and the others are unaffected', { skip }, async (t) => {
  const { redis, built: first, admin } = await certified(t)
  const other = { model: 'q', task: 'aime' }
  const { length: control } = await certify(first, other)
  const text = (await admin.hget(KEYS.contexts, KEY))!
  await admin.hset(KEYS.contexts, KEY, text.slice(0, text.length >> 1))
  await admin.hset(KEYS.contexts, 'model=q', text.slice(1))

  const stream = new PassThrough()
  let log = ''
  stream.on('data', (chunk) => { log += chunk })
  const built = await build(t, { REDIS_URL: redis.url, POLL_SECONDS: '0.2', LEASE_SECONDS: '0.5' }, pino(stream))
  const { send } = built
  const damaged = { body: { decision: 'continue', reason: 'no_threshold' } }
  t.match(await send('POST', '/v1/decisions', treated), damaged, 'doubt means continue')
  t.match(await send('POST', '/v1/decisions', { ...treated, context: other }), { body: { decision: 'stop' } })
  t.match((await send('GET', '/readyz')).body.warnings.join(), /The state of 2 contexts cannot be read.*model=q,task=gsm8k/)
  t.equal((await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).status, 200)

  await first.app.close()
  await until('this one learns', () => built.learner.isLeader())
  await until('the loss is noted', async () => (await send('GET', '/readyz')).body.warnings.join().includes('has contexts whose state cannot be read'))
  await send('POST', '/v1/store-loss/acknowledgement', { reason: 'seen' })
  await until('readyz has no more to say', async () => (await send('GET', '/readyz')).body.warnings.length === 0)
  t.match(log, /unreadable: they start a new epoch/)
  const { body: { commands } } = await send('GET', '/v1/audit')
  t.same(new Set(commands.map(({ key, by, type }: Record<string, string>) => `${type} ${key} by ${by}`)), new Set([`reset ${KEY} by stopgate`, 'reset model=q by stopgate', 'acknowledgement null by anonymous']))
  t.match(await send('POST', '/v1/decisions', treated), damaged)
  t.equal(await report(built, 'again'), 202)
  t.equal((await send('POST', '/v1/outcomes', treatedOutcome('another', other))).status, 202)
  await until('it is learned', async () => await learned(built) === 1)
  await until('the other goes on', async () => await learned(built, 'model=q,task=aime') === 1)
  t.match(await send('GET', '/v1/contexts/model=q,task=aime'), { body: { generations: { control } } }, 'from where it was')
  await certify(built)
  t.match(await send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
})

t.test('while the snapshot cannot be read, the last one stays in force and readyz reports it', { skip }, async (t) => {
  const { built, admin } = await certified(t)
  await admin.rename(KEYS.pins, 'kept').catch(() => {}) // there may be no pins
  await admin.set(KEYS.pins, 'not pins')
  const next = Number(await admin.get(KEYS.version)) + 1
  await admin.zadd(KEYS.changed, next, KEY) // before the rest, since a replica may poll at any time
  await admin.set(KEYS.policyVersion, next)
  await admin.incr(KEYS.version)
  await until('readyz says so', async () => /snapshot cannot be loaded/.test((await built.send('GET', '/readyz')).body.warnings.join()))
  t.match(await built.send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } })
  await admin.del(KEYS.pins)
  await until('readyz has no more to say', async () => (await built.send('GET', '/readyz')).body.warnings.length === 0)
})
