import t, { type Test } from 'tap'
import { certify, CONTEXT, losslessOutcome, report } from '../../certify.js'
import { build, type Built, until } from '../../helper.js'
import { DURABLE, type RedisServer, startRedis, withoutRedis } from '../../redis-server.js'
import { startProcess } from '../../service-process.js'
import { ALL_SHUFFLED, QUICK_TIMES } from '../../quick-policy.js'

const step = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }
const decisionOf = async ({ send }: Pick<Built, 'send'>) => (await send('POST', '/v1/decisions', step)).body
const pause = ({ send }: Pick<Built, 'send'>) => send('PUT', '/v1/pause', { reason: 'incident 42' })
const endPause = ({ send }: Pick<Built, 'send'>) => send('DELETE', '/v1/pause?reason=over')
const QUICK = { POLL_SECONDS: '0.1' }

/** A replica that has reached Redis: before that it enrols nothing. */
async function replicaOn (t: Test, redis: RedisServer): Promise<Built> {
  const built = await build(t, { REDIS_URL: redis.url, ...QUICK })
  await until('Redis is reached', async () => (await built.send('GET', '/readyz')).status === 200)
  return built
}

/** A service of two processes, which have both reached Redis. Any of them may answer a request. */
async function startPair (t: Test, redis: RedisServer) {
  const service = startProcess(t, { REDIS_URL: redis.url, PROCESSES: '2', ...ALL_SHUFFLED, ...QUICK }, { times: QUICK_TIMES })
  const get = (path: string) => service.get(path, { connection: 'close' })
  const post = (path: string, body: unknown) => service.post(path, body, { connection: 'close' })
  const pause = () => service.put('/v1/pause', { reason: 'incident 42' }, { connection: 'close' })
  const endPause = () => service.delete('/v1/pause?reason=over', { connection: 'close' })
  const repliesTo = <T>(ask: () => Promise<T>) => Promise.all(Array.from({ length: 20 }, ask))
  const listening = () => service.log.filter(({ msg }) => msg === 'stopgate is listening')
  await until('both processes are ready', async () => (
    listening().length === 2 && (await repliesTo(() => get('/readyz'))).every(({ status }) => status === 200)))
  return { ...service, get, post, pause, endPause, repliesTo, listening }
}

t.test('a pause holds on all replicas, and its end restores the mode that the root had', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const [one, other] = [await replicaOn(t, redis), await replicaOn(t, redis)]
  await one.send('PUT', '/v1/contexts/*/policy', { mode: 'shadow', max_em_drop: 0.03 })
  await certify(one)
  t.match(await decisionOf(one), { decision: 'continue', reason: 'shadow' })
  t.match(await pause(one), { status: 200, body: { paused: true, stored: true, by: 'anonymous', reason: 'incident 42', since: String } })
  t.match(await decisionOf(one), { decision: 'continue', reason: 'off' })
  await until('the other replica follows', async () => (await decisionOf(other)).reason === 'off')
  t.match((await other.send('GET', '/v1/pause')).body, {
    paused: true,
    stored: true,
    by: 'anonymous',
    reason: 'incident 42',
    since: String,
    message: /^Stopping is paused on all replicas since .+ UTC by anonymous \(incident 42\)\.$/,
  }, 'which knows who paused it, and why')
  t.match((await other.send('GET', '/readyz')).body.warnings, [/^Stopping is paused on all replicas since .+ by anonymous \(incident 42\)\. End the pause/])
  t.match((await other.send('GET', '/metrics')).body, 'stopgate_paused 1\n')
  t.match(await endPause(other), { status: 200, body: { paused: false, stored: true, since: null, by: null, reason: null, message: 'Stopping is not paused.' } })
  t.match(await decisionOf(other), { reason: 'shadow' })
  await until('the first replica follows', async () => (await decisionOf(one)).reason === 'shadow')
  t.match((await one.send('GET', '/v1/contexts/*/policy')).body.policy, { mode: 'shadow', max_em_drop: 0.03 })
  t.match((await one.send('GET', '/v1/audit?limit=2')).body.commands, [{ reason: 'over' }, { reason: 'incident 42', policy: { mode: 'off' } }])
})

t.test('a pause of all replicas, as in an outage, is ended by one', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const [one, other] = [await replicaOn(t, redis), await replicaOn(t, redis)]
  await one.send('PUT', '/v1/contexts/*/policy', { mode: 'shadow' })
  await certify(one)
  await redis.stop('SIGKILL')
  for (const built of [one, other]) t.match((await pause(built)).body, { paused: true, stored: false })
  await redis.start()
  for (const built of [one, other]) await until('it is stored', async () => (await built.send('GET', '/v1/pause')).body.stored)
  await pause(other) // a second click changes nothing
  await until('it can be undone', async () => (await endPause(one)).status === 200)
  for (const built of [one, other]) await until('all replicas go on in their former mode', async () => (await decisionOf(built)).reason === 'shadow')
})

t.test('while the store is away a pause holds at once, also for local deciders, and is stored later', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await replicaOn(t, redis)
  await certify(built)
  await redis.stop('SIGKILL')
  t.equal((await decisionOf(built)).decision, 'stop')
  const { headers: { etag } } = await built.send('GET', '/v1/bundle')
  const waiting = built.send('GET', '/v1/bundle?wait=30', undefined, { 'if-none-match': String(etag) })
  t.match(await pause(built), { status: 200, body: { paused: true, stored: false, by: 'anonymous', reason: 'incident 42', since: String } })
  t.match(await decisionOf(built), { decision: 'continue', reason: 'off' })
  t.match((await waiting).body.rules, [{ mode: 'off' }], 'a bundle that was waited for arrives')
  t.match((await built.send('GET', '/readyz')).body.warnings, [/cannot be reached/, /^Stopping is paused.* since .+ by anonymous \(incident 42\)\. The store does not have the pause yet/])
  await redis.start()
  await until('the store has it', async () => (await built.send('GET', '/v1/pause')).body.stored)
  t.match((await built.send('GET', '/v1/contexts/*/policy')).body.policy, { mode: 'off' })
  await until('the replica relies on the store', async () => !built.snapshotHolder.isPaused())
  t.equal((await decisionOf(built)).reason, 'off')
  const undone = await until('the store takes the end of the pause', async () => { // on a busy machine its first commands may time out
    const reply = await endPause(built)
    return reply.status === 503 ? undefined : reply
  })
  t.match(undone, { status: 200, body: { paused: false, stored: true } })
  t.equal((await decisionOf(built)).decision, 'stop')
})

t.test('a pause that never reached the store is ended without it', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await replicaOn(t, redis)
  await certify(built)
  await redis.stop('SIGKILL')
  await pause(built)
  t.match(await endPause(built), {
    status: 200, body: { paused: false, stored: false, message: /^Stopping is not paused on this replica\. The store cannot be reached/ },
  })
  t.equal((await decisionOf(built)).decision, 'stop')
  await redis.start()
  await until('Redis is reached again', async () => (await built.send('GET', '/v1/contexts/*/policy')).status === 200)
  t.match((await built.send('GET', '/v1/contexts/*/policy')).body.policy, {}, 'and the store never gets it')
})

t.test('a replica that starts with PAUSE_STOPPING is paused, and leaves the store alone', async (t) => {
  const built = await build(t, { PAUSE_STOPPING: 'true' })
  t.match((await built.send('GET', '/v1/pause')).body, { paused: true, stored: false, by: 'PAUSE_STOPPING' })
  t.equal((await decisionOf(built)).reason, 'off')
  t.strictSame((await built.send('GET', '/v1/contexts/*/policy')).body.policy, {})
  t.match(await endPause(built), { body: { paused: false, stored: true } })
  t.equal((await decisionOf(built)).reason, 'no_threshold')
})

t.test('without the store, a pause of one process of a replica holds in all, and in one that starts later', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const { post, pause, get, repliesTo, listening } = await startPair(t, redis)
  await report(post, Array.from({ length: 300 }, (_, i) => losslessOutcome(`lossless-${i}`)))
  const haveAll = async (reason: string) => (await repliesTo(() => post('/v1/decisions', step))).every(({ body }) => body.reason === reason)
  await until('all processes stop at the certified threshold', () => haveAll('score_at_threshold'))
  await redis.stop('SIGKILL')
  t.match(await pause(), { status: 200, body: { paused: true, stored: false } })
  await until('all processes are paused', () => haveAll('off'))
  const views = await repliesTo(() => get('/v1/pause'))
  t.ok(views.every(({ body }) => body.by === 'anonymous' && body.reason === 'incident 42'), 'and all of them know who paused it, and why')
  process.kill(listening()[0]!.pid as number, 'SIGKILL')
  await until('it is started again', () => listening().length === 3)
  await until('all processes are paused again', () => haveAll('off'))
})

t.test('a pause that one process has yet to store is dropped when another one ends it', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const { log, get, pause, endPause, repliesTo } = await startPair(t, redis)
  await redis.stop('SIGKILL')
  const switched = async (on: boolean) => { // the log says by which process
    const lines = () => log.filter(({ msg }) => msg === (on ? 'stopping is paused' : 'the pause of stopping has ended'))
    const before = lines().length
    await (on ? pause() : endPause())
    return (await until('it is logged', () => lines()[before])).pid
  }
  await until('another process ends the pause', async () => await switched(true) !== await switched(false))
  await until('no process has a pause to store', async () => {
    const views = await repliesTo(() => get('/v1/pause'))
    return views.every(({ body }) => body.paused === false && body.by === null)
  })
  await redis.start()
  const policies = await until('both processes reach the store', async () => {
    const replies = await repliesTo(() => get('/v1/contexts/*/policy'))
    return replies.every(({ status }) => status === 200) && replies.map(({ body }) => body.policy)
  })
  t.strictSame(policies, Array(20).fill({}))
})
