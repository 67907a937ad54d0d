import { readFileSync } from 'node:fs'
import t from 'tap'
import { RedisPartitions } from '../../../src/store/redis/redis-partitions.js'
import { slotOf } from '../../../src/store/redis/redis-slots.js'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { sleep } from '../../clock.js'
import { until } from '../../helper.js'
import { DURABLE, withoutRedis } from '../../redis-server.js'
import { batch, foldNext, idsIn, idsOf, label, outcomes, TICK, unlabelled } from '../../store/fixtures.js'
import { startWholeCluster } from '../../faults/redis-cluster.js'

// Three masters with a replica each. Masters are killed while outcomes come: one that has ids only, and the one that has the log.

const IDS = 4

t.test('a Cluster that loses masters loses nothing that was acknowledged, and each outcome counts once', { skip: withoutRedis }, async (t) => {
  const { url, servers, clients, homeOf } = await startWholeCluster(t, DURABLE, 1)
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs: 2000, waitReplicas: 1, bucketMs: 500 })
  t.teardown(() => store.close())
  const works = (call: Promise<unknown>) => call.then(() => true, () => false)
  await until('it has found the log', async () => await works(store.revision()) && await works(store.append(outcomes('first'))))

  const ended = new AbortController()
  const acknowledged: string[] = []
  let refused = 0
  /** Sends each batch until it is acknowledged, as workers do. */
  const writing = idsOf('writer', 4).map(async (writer) => {
    for (let i = 0; !ended.signal.aborted; i++) {
      const ids = idsOf(`${writer}-${i}`, IDS)
      await until('a batch is acknowledged', () => store.append(outcomes(...ids)).catch((error) => {
        if (!(error instanceof StoreUnavailableError)) throw error
        refused++
        return null
      }))
      acknowledged.push(...ids)
      await sleep(5) // workers do not report without a pause
    }
  })
  const learning = (async () => {
    let token: number | null = null
    while (!ended.signal.aborted) {
      token ??= await store.acquireLease('learner', 60_000).catch(() => null)
      try {
        if (token === null) await sleep(20) // before it tries again, as learners do
        else await foldNext(store, token, 100)
      } catch (error) {
        if (!/Unavailable|LeaseLost/.test((error as Error).name)) throw error
        token = null
      }
    }
  })()
  const more = (count: number) => { const before = acknowledged.length; return until('outcomes are acknowledged', () => acknowledged.length > before + count) }
  const remembered = async (i: number) => (await clients[i]!.keys('{stopgate:*}:seen:*').catch(() => [])).length
  await more(400)
  await until('ids are on all three nodes', async () => (await Promise.all([0, 1, 2].map(remembered))).every((count) => count > 50))

  const home = await homeOf('{stopgate}:log')
  const beside = servers.slice(0, 3).find((server) => server !== home)!
  for (const killed of [beside, home]) {
    await killed.stop('SIGKILL')
    await until('its replica is promoted', async () => {
      const roles = await Promise.all(clients.filter((_, i) => servers[i] !== killed).map((client) => client.info('replication')))
      return roles.filter((role) => /role:master/.test(role)).length === 3
    })
    if (killed === beside) await more(400) // without a replica of its own, the node of the log acknowledges nothing
    await killed.start()
    await until('it is a replica', async () => /role:slave/.test(await clients[servers.indexOf(killed)]!.info('replication').catch(() => '')))
    await until('it has all', async () => /master_link_status:up/.test(await clients[servers.indexOf(killed)]!.info('replication').catch(() => '')))
    await more(200)
  }
  ended.abort()
  await Promise.all([...writing, learning])
  t.not(await homeOf('{stopgate}:log'), home, 'another node has the log now')
  t.ok(refused > 0, `${refused} calls were refused`)

  await until('all partitions answer', async () => await works(store.revision()) && await works(store.answers.read(idsOf('absent', 500))) && store.isUp())
  let lost = 0
  for (let i = 0; i < acknowledged.length; i += 100) {
    const again = await store.append(outcomes(...acknowledged.slice(i, i + 100)))
    lost += again.filter((result) => result !== 'duplicate').length
  }
  t.equal(lost, 0, `${acknowledged.length} acknowledged outcomes are duplicates`)
  const { cursor, contexts } = await store.learned()
  const waiting = idsIn((await store.read(cursor, 1_000_000, 0)).filter(({ entry }) => entry.type === 'outcome'))
  t.equal((contexts.get('*')?.reports.generations ?? 0) + waiting.length, acknowledged.length + 1, 'each counts once')
  t.same(await store.warnings(), [])
})

t.test('answers and labels of generations survive the loss of a master that has them', { skip: withoutRedis }, async (t) => {
  const { url, servers, clients, homeOf } = await startWholeCluster(t, DURABLE, 1)
  const store = await RedisStore.open({ url, dedupSeconds: 3600, timeoutMs: 2000, waitReplicas: 1, bucketMs: 0 })
  t.teardown(() => store.close())
  const works = (call: Promise<unknown>) => call.then(() => true, () => false)
  await until('it has found the log', () => works(store.revision()))
  const ids = idsOf('g', 300)
  await store.append(ids.map(unlabelled))
  await store.answers.append(batch(ids.map((id) => [id, ['answer']])))
  await store.append(ids.slice(0, 100).map(label))
  const token = (await store.acquireLease('a', 60_000))!
  const home = await homeOf('{stopgate}:log')
  await until('ids were moved', async () => {
    await foldNext(store, token, 0) // commits, which move ids
    return (await Promise.all(clients.map((client) => client.keys('{stopgate:*}:seen:*')))).flat().length >= ids.length
  })
  const masters = clients.slice(0, 3)
  const written = await Promise.all(masters.map((client) => client.info('replication').then((info) => Number(/master_repl_offset:(\d+)/.exec(info)![1]))))
  await until('the replicas have the answers, for which nothing waits', async () => {
    const infos = await Promise.all(masters.map((client) => client.info('replication')))
    return infos.every((info, i) => Number(/slave0:.*offset=(\d+)/.exec(info)?.[1]) >= written[i]!)
  })

  await servers.slice(0, 3).find((server) => server !== home)!.stop('SIGKILL')
  const call = store.answers.append(batch(ids.map((id) => [id, ['answer']])))
  await t.rejects(call, { name: 'StoreUnavailableError' })
  t.equal(store.isUp(), false)
  const warnings = (await store.warnings()).join('\n')
  if (!store.isUp()) t.match(warnings, /of 64 partitions of the Cluster cannot be reached/)
  await until('it is up again', async () => { await store.revision().catch(() => {}); return store.isUp() })
  t.match((await store.answers.read(ids)).size, 300)
  t.same(await store.append(ids.map(label)), ids.map((_, i) => i < 100 ? 'duplicate' : 'accepted'))
  t.same(await store.append(ids.map(unlabelled)), ids.map(() => 'duplicate'))
})

t.test('outcomes count once while Redis moves a slot to another node', { skip: withoutRedis }, async (t) => {
  const rights = /ACL SETUSER (stopgate on >PASSWORD .*)/.exec(readFileSync('docs/operate/redis.md', 'utf8'))![1]!
  const { url, servers, clients, homeOf } = await startWholeCluster(t, { ...DURABLE, 'cluster-node-timeout': '5000', user: rights }, 0)
  const store = await RedisStore.open({ url: url.replace('//', '//stopgate:PASSWORD@'), dedupSeconds: 3600, timeoutMs: 5000, bucketMs: 0 })
  t.teardown(() => store.close())
  const works = (call: Promise<unknown>) => call.then(() => true, () => false)
  await until('it has found the log', () => works(store.revision()))
  const partitions = new RedisPartitions({ main: {} as never, count: 64, connect: null, seeds: [] })
  const known = idsOf('known', 1000).filter((id) => partitions.of(id) === 17)
  await store.append(known.map(unlabelled))
  const token = (await store.acquireLease('a', 60_000))!
  const pattern = `{${partitions.tags[17]!}}:seen:*`
  const beside = clients[servers.indexOf(await homeOf('{stopgate}:log'))]!
  await until('the bucket of the ids was dropped', async () => {
    await store.append([TICK])
    await foldNext(store, token, 0) // commits, which moves ids
    return Number.parseInt(await beside.get('{stopgate}:recent_at') ?? '0') > 5
  })

  const keys = (await Promise.all(clients.map((client) => client.keys(pattern)))).flat()
  t.equal(keys.length, known.length)
  const from = servers.indexOf(await homeOf(keys[0]!))
  const to = (from + 1) % servers.length
  const slot = slotOf(partitions.tags[17]!)
  await clients[to]!.cluster('SETSLOT', slot, 'IMPORTING', String(await clients[from]!.cluster('MYID')))
  await clients[from]!.cluster('SETSLOT', slot, 'MIGRATING', String(await clients[to]!.cluster('MYID')))
  for (const key of keys.slice(0, keys.length / 2)) await clients[from]!.migrate('127.0.0.1', servers[to]!.port, key, 0, 5000)

  t.same(await store.append(known.map(unlabelled)), known.map(() => 'duplicate'), 'on either node')
  const ids = idsOf('g', 256)
  t.same(await store.append(ids.map(unlabelled)), ids.map(() => 'accepted'))
  t.same(await store.append(ids.map(unlabelled)), ids.map(() => 'duplicate'))
})
