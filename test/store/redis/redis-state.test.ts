import { Redis } from 'ioredis'
import t from 'tap'
import { KEYS, RECENT, STAGED } from '../../../src/store/redis/redis-keys.js'
import { RedisStore } from '../../../src/store/redis/redis-store.js'
import { sortRows, type StateRow } from '../../../src/store/state-format.js'
import { until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { contentOf, idsOf, outcome, outcomes } from '../fixtures.js'

// contract-state.ts tests the laws of export and import.

t.test('in Redis', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const admin = new Redis(redis.url)
  const open = async (dedupSeconds = 3600) => {
    const store = await RedisStore.open({ url: redis.url, timeoutMs: 5000, dedupSeconds })
    t.teardown(() => store.close())
    return store
  }
  t.teardown(() => { admin.disconnect() })
  const store = await open()
  const exported = async () => {
    const rows: StateRow[] = []
    for await (const row of store.exportRows()) rows.push(row)
    return rows
  }
  await store.revision()
  await store.append(outcomes('a', 'b'))

  await t.test('leftovers of a killed import are never read, and the next import removes them', async (t) => {
    const before = await contentOf(store)
    await admin.hset(STAGED[0]!, 'model=x', 'not even JSON')
    t.same(await contentOf(store), before)
    await store.importRows(sortRows(await exported()), true)
    t.same(await admin.exists(...STAGED), 0)
    t.same((await store.contextKeys()), [])
  })

  await t.test('an imported id is remembered for the rest of its dedup time', async (t) => {
    await store.importRows(sortRows(await exported()), true)
    const ttl = await admin.pttl('{stopgate}:seen:a')
    t.ok(ttl > 3_500_000 && ttl <= 3_600_000, `${ttl} ms`)
    await (await open(1)).importRows(sortRows((await exported()).map((row) => row.table === 'seen' ? { ...row, value: [1, 0, 0] } : row)), true)
    t.same(await store.append([outcome('a')]), ['accepted'], 'ids of outcomes after the export were not imported')
  })

  await t.test('the export lacks ids of outcomes that arrived after it', async (t) => {
    const rows: StateRow[] = []
    for await (const row of store.exportRows()) {
      if (rows.length === 0) await store.append([outcome('later')])
      rows.push(row)
    }
    const { rows: { seen, log } } = sortRows(rows)
    t.notOk(seen.some(({ key }) => key === 'later'))
    t.notOk(JSON.stringify(log).includes('later'))
    t.ok(seen.some(({ key }) => key === 'a'))
  })

  await t.test('a damaged id is reported', async (t) => {
    await admin.set('{stopgate}:seen:odd', 'yesterday', 'EX', 60)
    t.match((await exported()).filter(({ key }) => key === 'odd'), [{ table: 'seen', value: undefined, damaged: 'it is "yesterday"' }])
    await admin.del('{stopgate}:seen:odd')
  })

  await t.test('ids beside the log are read in parts', async (t) => {
    const store = await RedisStore.open({ url: redis.url, timeoutMs: 5000, dedupSeconds: 3600, partitions: 8 })
    t.teardown(() => store.close())
    const ids = idsOf('id', 3000)
    await store.append(outcomes(...ids))
    const commands: string[][] = []
    const monitor = await admin.monitor()
    t.teardown(() => { monitor.disconnect() })
    monitor.on('monitor', (_: string, command: string[]) => { commands.push(command) })
    const rows: StateRow[] = []
    for await (const row of store.exportRows()) if (row.table === 'seen') rows.push(row)
    t.same(rows.map(({ key }) => key).sort(), ids.toSorted())
    await admin.echo('end')
    await until('all commands are known', () => commands.some(([name]) => name!.toLowerCase() === 'echo'))
    const names = commands.filter(([, key]) => RECENT.includes(key!)).map(([name]) => name!.toLowerCase())
    t.same([...new Set(names)], ['hscan'])
    t.ok(names.length > 3, `${names.length} parts`)
  })

  await t.test('a log from the future is not exported', async (t) => {
    await admin.xadd(KEYS.log, '99999999999999-0', 'entry', '{"type":"tick"}')
    await t.rejects(exported(), { name: 'StoreUnavailableError', message: /clock was set back/ })
  })
})
