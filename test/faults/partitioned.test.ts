import t from 'tap'
import { losslessOutcome, report } from '../certify.js'
import { until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { startProcess, type ServiceProcess } from '../service-process.js'
import { startProxy } from './proxy.js'
import { treatedGenerations, treatedOutcome } from './treated-outcome.js'
import { ALL_SHUFFLED } from '../quick-policy.js'

// Replicas communicate through Redis only, so a replica that is cut off from Redis is cut off from the other replicas.

const step = { arm: 'treated', tokens: 32, confidence: 0.99, context: { model: 'q', task: 'gsm8k' } }
const ready = async (replica: ServiceProcess) => (await replica.get('/readyz')).body
const decision = async (replica: ServiceProcess) => (await replica.post('/v1/decisions', step)).body

t.test('when the learner is cut off from Redis another replica learns, and no outcome is lost or counted twice', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const proxies = await Promise.all([startProxy(t, redis.port), startProxy(t, redis.port)])
  const replicas = proxies.map(({ url: REDIS_URL }) => startProcess(t, {
    REDIS_URL, ...ALL_SHUFFLED, LEASE_SECONDS: '0.5', POLL_SECONDS: '0.2', MAX_STALENESS_SECONDS: '3',
  }))
  const home = await until('a replica learns', async () => {
    for (const [i, replica] of replicas.entries()) if ((await ready(replica)).learner.leader) return `${i}`
  })
  const [apart, proxy, other] = [replicas[Number(home)]!, proxies[Number(home)]!, replicas[1 - Number(home)]!]
  await report(other.post, Array.from({ length: 300 }, (_, i) => losslessOutcome(`g${i}`)))
  for (const replica of replicas) await until('the replica stops generations', async () => (await decision(replica)).decision === 'stop')

  proxy.part()
  t.match(await apart.post('/v1/outcomes', treatedOutcome('apart')), { status: 503, body: { code: 'STORE_UNAVAILABLE' } })
  t.match(await decision(apart), { decision: 'stop' }, 'the last model stays in force')
  await until('the replica reports a stale model', async () => (await decision(apart)).stale)
  await until('the other replica learns', async () => (await ready(other)).learner.leader)
  t.match(await other.post('/v1/outcomes/batch', { outcomes: Array.from({ length: 50 }, (_, i) => treatedOutcome(`then${i}`)) }), { status: 202, body: { accepted: 50 } })
  await until('it has learned the new outcomes', async () => await treatedGenerations(other.get) === 50)
  await until('the snapshot is too old to stop generations', async () => (await decision(apart)).reason === 'stale_snapshot')
  t.match(await ready(apart), {
    store: { up: false }, learner: { leader: false }, snapshot: { stale: true }, warnings: [/cannot be reached/],
  })
  t.match(await decision(other), { decision: 'stop', stale: false })

  proxy.heal()
  const reply = await until('outcomes are accepted', async () => {
    const { status, body } = await apart.post('/v1/outcomes', treatedOutcome('apart'))
    return status === 202 && body
  })
  t.equal(reply.accepted + reply.duplicates, 1, 'the first attempt may have arrived late')
  for (const replica of replicas) {
    await until('every outcome is learned once', async () => await treatedGenerations(replica.get) === 51)
    await until('the replica has the current model', async () => { const { decision: answer, stale } = await decision(replica); return answer === 'stop' && !stale })
    t.match(await ready(replica), { store: { up: true }, warnings: [] })
  }
  t.same((await Promise.all(replicas.map(ready))).filter(({ learner }) => learner.leader).length, 1, 'exactly one replica learns')
  const said = (msg: string) => apart.log.some((line) => String(line.msg).includes(msg))
  for (const msg of ['the store is unavailable', 'the snapshot is too_old', 'the store is available again', 'the snapshot is fresh']) t.ok(said(msg), msg)
})
