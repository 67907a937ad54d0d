import t from 'tap'
import { EmbeddedStore } from '../../src/store/embedded/embedded-store.js'
import { openRoot, tablesIn } from '../../src/store/embedded/embedded-tables.js'
import { RedisStore } from '../../src/store/redis/redis-store.js'
import { checkFormat, metaRows, STATE_FORMAT, sortRows, type StateRow } from '../../src/store/state-format.js'
import { certify, CONTEXT, losslessOutcome } from '../certify.js'
import { admin } from '../faults/redis-fleet.js'
import { build, temporaryFolder, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { outcome, trainingWriteOf } from './fixtures.js'

const FORMAT = '{stopgate}:format'
const NEWER = { name: 'NewerFormatError', message: new RegExp(`a newer version of stopgate.*format ${STATE_FORMAT + 1}; this version reads only format ${STATE_FORMAT}\\): run the newer version`) }
const treated = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }

t.test('a store that an older version has written to is refused, an empty one is not', async (t) => {
  t.throws(() => checkFormat(1, 2), { name: 'OlderFormatError', message: /an older version of stopgate.*format 1; this version reads only format 2\): run the older version/ })
  for (const format of [0, 2]) t.doesNotThrow(() => checkFormat(format, 2))
})

t.test('a folder that a newer version has written to is not opened', async (t) => {
  const dataDir = await temporaryFolder(t)
  const open = async () => { await (await EmbeddedStore.open({ dataDir })).close() }
  const format = async (next?: number) => {
    const tables = tablesIn(openRoot(dataDir))
    const before = tables.getMeta('format')
    if (next !== undefined) await tables.root.transaction(() => tables.setMeta('format', next))
    await tables.root.close()
    return before
  }
  await open()
  t.equal(await format(STATE_FORMAT + 1), STATE_FORMAT)
  await t.rejects(open(), NEWER)
  await t.rejects(build(t, { DATA_DIR: dataDir }), NEWER)
  t.equal(await format(), STATE_FORMAT + 1, 'nothing was written')
})

t.test('a store that a newer version has written to in Redis is not learned from, exported or replaced', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t, DURABLE)
  const redis = admin(t, { url })
  const store = await RedisStore.open({ url, timeoutMs: 2000 })
  t.teardown(() => store.close())
  const exported = async () => {
    const rows: StateRow[] = []
    for await (const row of store.exportRows()) rows.push(row)
    return sortRows(rows)
  }
  await store.revision()
  const state = await exported()
  await store.importRows(state, false)
  t.equal(await redis.get(FORMAT), String(STATE_FORMAT), 'an import states the format')
  await redis.del(FORMAT)
  t.equal(await store.acquireLease('a', 60_000), 1)
  t.equal(await redis.get(FORMAT), String(STATE_FORMAT), 'a learner states the format')
  t.equal(await store.acquireLease('b', 60_000), null)

  await redis.set(FORMAT, STATE_FORMAT + 1)
  await t.rejects(store.revision(), NEWER)
  await t.rejects(store.acquireLease('a', 60_000), NEWER)
  await t.rejects(store.trainingRuns.write(trainingWriteOf('run', null)), NEWER)
  t.same(await store.trainingRuns.list(), [])
  await t.rejects(exported(), NEWER)
  await t.rejects(store.importRows(state, true), NEWER)
  t.equal(await redis.get('{stopgate}:lease'), '1 a')
  t.same(await store.append([outcome('a')]), ['accepted'], 'outcomes are accepted and wait for the newer version')
})

t.test('an older replica goes on deciding, accepts outcomes and reports the problem', { skip: withoutRedis }, async (t) => {
  const { url } = await startRedis(t, DURABLE)
  const built = await build(t, { REDIS_URL: url, POLL_SECONDS: '0.05', LEASE_SECONDS: '0.3', MAX_STALENESS_SECONDS: '1' })
  const { send, learner } = built
  await until('Redis is reached', async () => (await send('GET', '/readyz')).status === 200)
  await certify(built)
  const redis = admin(t, { url })
  await redis.multi().set(FORMAT, STATE_FORMAT + 1).del('{stopgate}:lease').exec() // as a newer version does
  const hasWarning = async (about: RegExp) => (await send('GET', '/readyz')).body.warnings.some((text: string) => about.test(text))
  await until('/readyz warns that nothing is learned', () => hasWarning(/nothing is learned.*a newer version of stopgate/))
  await until('/readyz warns that the snapshot is stale', () => hasWarning(/snapshot cannot be loaded.*a newer version of stopgate/))
  t.equal(learner.isLeader(), false)
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('new')), { status: 202 })
  const checkpoint = { step: 1, suite: 's', em: 0.5, n: 100, tokens_mean: 10 }
  t.match(await send('POST', '/v1/training-runs/r/checkpoints', checkpoint), { status: 503, headers: { 'retry-after': '1' }, body: { code: 'STORE_NEWER' } })
  await until('decisions become continue', async () => (await send('POST', '/v1/decisions', treated)).body.decision === 'continue')

  const late = await build(t, { REDIS_URL: url })
  t.match(await late.send('GET', '/readyz'), { status: 503, body: { ready: false, warnings: [/a newer version/, /a newer version/] } })
  t.match(await late.send('POST', '/v1/decisions', treated), { status: 200, body: { decision: 'continue' } })
})
const META = { salt: 's', version: 0, policy_version: 0, cursor: '0-0', last_id: '0-0', ledger: null, follow_up: null }

t.test('rows are sorted into their tables and keep their order', async (t) => {
  const pin = (key: string) => ({ table: 'pins' as const, key, value: 1 })
  const { meta, rows } = sortRows([pin('b'), ...metaRows(META), pin('a')])
  t.same(meta, META)
  t.same(rows.pins.map(({ key }) => key), ['b', 'a'])
  t.same(rows.log, [])
})

t.test('a state without one of its single values is refused', async (t) => {
  for (const name of Object.keys(META)) t.throws(() => sortRows(metaRows(META).filter(({ key }) => key !== name)), { message: `it has no ${name}` })
})
