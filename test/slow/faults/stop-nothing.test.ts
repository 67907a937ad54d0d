import t, { type Test } from 'tap'
import { certify, CONTEXT, losslessOutcome, report } from '../../certify.js'
import { build, type Built, until } from '../../helper.js'
import { DURABLE, type RedisServer, startRedis, withoutRedis } from '../../redis-server.js'
import { startProcess } from '../../service-process.js'
import { QUICK_TIMES, quickPolicy } from '../../quick-policy.js'

const step = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }
const decisionOf = async ({ send }: Pick<Built, 'send'>) => (await send('POST', '/v1/decisions', step)).body
const order = ({ send }: Pick<Built, 'send'>, on: boolean) => send('POST', '/v1/stop-nothing', { on, reason: 'incident 42' })
const QUICK = { POLL_SECONDS: '0.1' }

/** A replica that has reached Redis: before that it enrols nothing. */
async function replicaOn (t: Test, redis: RedisServer): Promise<Built> {
  const built = await build(t, { REDIS_URL: redis.url, ...QUICK })
  await until('Redis is reached', async () => (await built.send('GET', '/readyz')).status === 200)
  return built
}

/** A service of two processes, which have both reached Redis. Any of them may answer a request. */
async function startPair (t: Test, redis: RedisServer) {
  const service = startProcess(t, { REDIS_URL: redis.url, PROCESSES: '2', DEFAULT_POLICY: quickPolicy(), ...QUICK }, { times: QUICK_TIMES })
  const get = (path: string) => service.get(path, { connection: 'close' })
  const post = (path: string, body: unknown) => service.post(path, body, { connection: 'close' })
  const repliesTo = <T>(ask: () => Promise<T>) => Promise.all(Array.from({ length: 20 }, ask))
  const listening = () => service.log.filter(({ msg }) => msg === 'stopgate is listening')
  await until('both processes are ready', async () => (
    listening().length === 2 && (await repliesTo(() => get('/readyz'))).every(({ status }) => status === 200)))
  return { ...service, get, post, repliesTo, listening }
}

t.test('the switch stops nothing on all replicas, and its undoing restores the mode that the root had', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const [one, other] = [await replicaOn(t, redis), await replicaOn(t, redis)]
  await one.send('PUT', '/v1/contexts/*/policy', { mode: 'shadow', max_em_drop: 0.03 })
  await certify(one)
  t.match(await decisionOf(one), { decision: 'continue', reason: 'shadow' })
  t.match(await order(one, true), { status: 200, body: { on: true, stored: true, by: 'anonymous', reason: 'incident 42', since: String } })
  t.match(await decisionOf(one), { decision: 'continue', reason: 'off' })
  await until('the other replica follows', async () => (await decisionOf(other)).reason === 'off')
  t.match((await other.send('GET', '/v1/stop-nothing')).body, { on: true, stored: true, by: null })
  t.match((await other.send('GET', '/readyz')).body.warnings, [/^No generation is stopped anywhere: the mode at \* is off/])
  t.match((await other.send('GET', '/metrics')).body, 'stopgate_stops_nothing 1\n')
  t.match(await order(other, false), { status: 200, body: { on: false, stored: false } })
  t.match(await decisionOf(other), { reason: 'shadow' })
  await until('the first replica follows', async () => (await decisionOf(one)).reason === 'shadow')
  t.match((await one.send('GET', '/v1/contexts/*/policy')).body.policy, { mode: 'shadow', max_em_drop: 0.03 })
  t.match((await one.send('GET', '/v1/audit?limit=2')).body.commands, [{ reason: 'incident 42' }, { reason: 'incident 42', policy: { mode: 'off' } }])
})

t.test('orders to all replicas, as in an outage, are undone by one', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const [one, other] = [await replicaOn(t, redis), await replicaOn(t, redis)]
  await one.send('PUT', '/v1/contexts/*/policy', { mode: 'shadow' })
  await certify(one)
  await redis.stop('SIGKILL')
  for (const built of [one, other]) t.match((await order(built, true)).body, { on: true, stored: false })
  await redis.start()
  for (const built of [one, other]) await until('it is stored', async () => (await built.send('GET', '/v1/stop-nothing')).body.stored)
  await order(other, true) // a second click changes nothing
  await until('it can be undone', async () => (await order(one, false)).status === 200)
  for (const built of [one, other]) await until('all replicas go on in their former mode', async () => (await decisionOf(built)).reason === 'shadow')
})

t.test('while the store is away the switch holds at once, also for local deciders, and is stored later', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await replicaOn(t, redis)
  await certify(built)
  await redis.stop('SIGKILL')
  t.equal((await decisionOf(built)).decision, 'stop')
  const { headers: { etag } } = await built.send('GET', '/v1/bundle')
  const waiting = built.send('GET', '/v1/bundle?wait=30', undefined, { 'if-none-match': String(etag) })
  t.match(await order(built, true), { status: 200, body: { on: true, stored: false, by: 'anonymous', reason: 'incident 42', since: String } })
  t.match(await decisionOf(built), { decision: 'continue', reason: 'off' })
  t.match((await waiting).body.rules, [{ mode: 'off' }], 'a bundle that was waited for arrives')
  t.match((await built.send('GET', '/readyz')).body.warnings, [/cannot be reached/, /by this replica, by order of anonymous \(incident 42\)\. The store does not have the order/])
  await redis.start()
  await until('the store has it', async () => (await built.send('GET', '/v1/stop-nothing')).body.stored)
  t.match((await built.send('GET', '/v1/contexts/*/policy')).body.policy, { mode: 'off' })
  await until('the replica relies on the store', async () => !built.snapshotHolder.stopsNothing())
  t.equal((await decisionOf(built)).reason, 'off')
  const undone = await until('the store takes the order', async () => { // on a busy machine its first commands may time out
    const reply = await order(built, false)
    return reply.status === 503 ? undefined : reply
  })
  t.match(undone, { status: 200, body: { on: false, stored: false } })
  t.equal((await decisionOf(built)).decision, 'stop')
})

t.test('an order that never reached the store is undone without it', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const built = await replicaOn(t, redis)
  await certify(built)
  await redis.stop('SIGKILL')
  await order(built, true)
  t.match(await order(built, false), { status: 200, body: { on: false } })
  t.equal((await decisionOf(built)).decision, 'stop')
  await redis.start()
  await until('Redis is reached again', async () => (await built.send('GET', '/v1/contexts/*/policy')).status === 200)
  t.match((await built.send('GET', '/v1/contexts/*/policy')).body.policy, {}, 'and the store never gets it')
})

t.test('a replica that starts with STOP_NOTHING stops nothing, and leaves the store alone', async (t) => {
  const built = await build(t, { STOP_NOTHING: 'true' })
  t.match((await built.send('GET', '/v1/stop-nothing')).body, { on: true, stored: false, by: 'STOP_NOTHING' })
  t.equal((await decisionOf(built)).reason, 'off')
  t.strictSame((await built.send('GET', '/v1/contexts/*/policy')).body.policy, {})
  t.match(await order(built, false), { body: { on: false } })
  t.equal((await decisionOf(built)).reason, 'no_threshold')
})

t.test('without the store, an order to one process of a replica holds in all, and in one that starts later', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const { post, repliesTo, listening } = await startPair(t, redis)
  await report(post, Array.from({ length: 300 }, (_, i) => losslessOutcome(`lossless-${i}`)))
  const haveAll = async (reason: string) => (await repliesTo(() => post('/v1/decisions', step))).every(({ body }) => body.reason === reason)
  await until('all processes stop at the certified threshold', () => haveAll('score_at_threshold'))
  await redis.stop('SIGKILL')
  t.match(await post('/v1/stop-nothing', { on: true, reason: 'incident 42' }), { status: 200, body: { on: true, stored: false } })
  await until('all processes stop nothing', () => haveAll('off'))
  process.kill(listening()[0]!.pid as number, 'SIGKILL')
  await until('it is started again', () => listening().length === 3)
  await until('all processes stop nothing again', () => haveAll('off'))
})

t.test('an order that one process has yet to store is dropped when another one undoes it', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const { log, get, post, repliesTo } = await startPair(t, redis)
  await redis.stop('SIGKILL')
  const switched = async (on: boolean) => { // the log says by which process
    const lines = () => log.filter(({ msg }) => msg === (on ? 'nothing is stopped from now on' : 'generations are stopped again'))
    const before = lines().length
    await post('/v1/stop-nothing', { on, reason: 'incident 42' })
    return (await until('it is logged', () => lines()[before])).pid
  }
  await until('another process undoes the order', async () => await switched(true) !== await switched(false))
  await until('no process has an order to store', async () => {
    const views = await repliesTo(() => get('/v1/stop-nothing'))
    return views.every(({ body }) => body.on === false && body.by === null)
  })
  await redis.start()
  const policies = await until('both processes reach the store', async () => {
    const replies = await repliesTo(() => get('/v1/contexts/*/policy'))
    return replies.every(({ status }) => status === 200) && replies.map(({ body }) => body.policy)
  })
  t.strictSame(policies, Array(20).fill({}))
})
