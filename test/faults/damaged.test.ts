import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run as exportState } from '../../src/cli/export.js'
import { run as importState } from '../../src/cli/import.js'
import { openRoot, tablesIn } from '../../src/store/embedded/embedded-tables.js'
import { KEYS } from '../../src/store/redis/redis-keys.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { captureIo } from '../cli/command-line/captured-io.js'
import { build, temporaryFolder, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { admin } from './redis-fleet.js'
import { treatedGenerations, treatedOutcome } from './treated-outcome.js'

// Valid JSON with an invalid value, at each place that the learner reads. It must be skipped, reported and repaired.

type Table = 'history' | 'audit' | 'trainingRuns' | 'pending' | 'cohorts' | 'policies' | 'pins' | 'predictors' | 'reservoir'

interface Damager {
  readonly append: (text: string) => Promise<unknown>
  readonly put: (table: Table, key: string, text: string) => Promise<unknown>
  readonly ledger: (text: string) => Promise<unknown>
}

const ENTRIES = ['{"type":"outcome","generation_id":"x","tokens":"many"}', '{"type":"policy","key":7}', '{"type":"__proto__"}', '[]', '{']
const treated = { arm: 'treated', tokens: 32, confidence: 0.99 }

/** @param damage is called while no service uses the store */
async function overcome (
  t: Test, env: NodeJS.ProcessEnv, damage: (how: (damager: Damager) => Promise<void>) => Promise<void>): Promise<void> {
  const settings = { ...env, POLL_SECONDS: '0.2', LEASE_SECONDS: '0.5' }
  const before = await build(t, settings)
  await until('the store is reached', async () => (await before.send('GET', '/readyz')).status === 200)
  const { length: control } = await certify(before)
  const other = { model: 'z', task: 'math' }
  await certify(before, other)
  await before.send('PUT', '/v1/contexts/model=z/policy', { check_every_tokens: 16 })
  await until('all is learned', async () => (await before.store.revision()).lag === 0)
  await before.app.close()

  await damage(async ({ append, put, ledger }) => {
    for (const text of ENTRIES) await append(text)
    await put('history', '1', '{')
    await put('audit', '1', '{')
    await put('trainingRuns', 'odd', '17 {"name":"odd"')
    await put('trainingRuns', 'cut', '{"name":"cut"')
    await put('pending', 'waits', '{"outcome":{},"leaf":"a","key":"a"}')
    await put('cohorts', 'model=y,task=math', '{"epoch":"1-0"}')
    await put('policies', 'model=z', '{"mode":{"off":true}}')
    await put('pins', 'model=q,task=aime', '{"threshold":"low"}')
    await put('pins', 'model=q,task=cut', '{"thresh')
    await put('predictors', 'cut', '{"predictor":')
    await put('reservoir', '7', '{}')
    await ledger('{"policies":[],"pins":{}}')
  })

  await exportedOf(t, env)
  const { send, store } = await build(t, settings)
  await until('the model is loaded', async () => (await send('GET', '/readyz')).status === 200)
  t.match(await send('POST', '/v1/decisions', { ...treated, context: CONTEXT }), { body: { decision: 'stop' } })
  t.match(await send('POST', '/v1/decisions', { ...treated, context: other }), { body: { decision: 'continue', reason: 'off' } })
  await until('it learns', async () => (await send('GET', '/readyz')).body.learner.leader)
  await until('all is read', async () => (await store.revision()).lag === 0)
  t.equal((await send('POST', '/v1/outcomes', treatedOutcome('after'))).status, 202)
  await until('it goes on', async () => await treatedGenerations((path) => send('GET', path)) === 1)
  t.match(await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`), { body: { generations: { control } } }, 'from where it was')
  const { body: { warnings } } = await send('GET', '/readyz')
  t.match(warnings.join(), /Policies or pins cannot be read.*policy of model=z, the pin of model=q,task=aime, the pin of model=q,task=cut/)
  const { body: { changes }, status } = await send('GET', '/v1/history?limit=1000')
  const gap = changes.find(({ cause }: { cause: string }) => cause === 'unreadable')
  t.match([status, gap], [200, { key: null, epoch: null, before: null, after: null, by: 'stopgate', time: String, version: Number }])
  t.match((await send('GET', '/metrics')).body, 'stopgate_damaged_total{what="history"} 1\n', 'reading the history reports the damage')
  t.equal((await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}/tradeoff`)).status, 200)
  const metrics = (await send('GET', '/metrics')).body
  const counts = { entry: ENTRIES.length, ledger: 1, pending: 1, cohorts: 1, samples: 1, predictors: 1, audit: 1, runs: 2, history: 1 }
  for (const [what, count] of Object.entries(counts)) {
    t.match(metrics, new RegExp(`stopgate_damaged_total{what="${what}"} ${count}\n`))
  }

  t.equal((await send('PUT', '/v1/contexts/model=z/policy', { check_every_tokens: 32 })).status, 200)
  for (const key of ['model=q,task=aime', 'model=q,task=cut']) {
    t.equal((await send('DELETE', `/v1/contexts/${key}/pin?reason=damaged`)).status, 204)
  }
  t.match((await send('GET', '/v1/store-loss')).body, { lost: true, kind: 'unreadable' }, 'the state of a context was lost')
  t.equal((await send('POST', '/v1/store-loss/acknowledgement', { reason: 'seen' })).status, 200)
  await until('readyz has no more to say of them', async () => !/cannot be read/.test((await send('GET', '/readyz')).body.warnings.join()))
  const { body: { commands } } = await send('GET', '/v1/audit')
  const replaced = { threshold: null, reason: 'the pin could not be read' }
  const put = { key: 'model=z', replaced: { mode: 'off' } }
  t.match(commands.slice(0, 4), [{ type: 'acknowledgement' }, { key: 'model=q,task=cut', replaced }, { key: 'model=q,task=aime', replaced }, put])
  t.match(commands.find(({ type }: { type: string }) => type === 'unreadable'), { by: 'stopgate', key: null, replaced: null })
  const { body: { runs } } = await send('GET', '/v1/training-runs')
  t.same(runs.map(({ run, suites }: { run: string, suites: object[] }) => [run, suites.length]).sort(), [['cut', 0], ['odd', 0]])
  t.match(await send('GET', '/v1/training-runs/odd'), { status: 404 })
  const checkpoint = { step: 1, suite: 's', em: 0.5, n: 10, tokens_mean: 5 }
  for (const run of ['new', 'odd', 'cut']) t.match(await send('POST', `/v1/training-runs/${run}/checkpoints`, checkpoint), { status: 202, body: { accepted: 1 } })
  t.match(await send('GET', '/v1/training-runs/odd'), { status: 200, body: { suites: [{ suite: 's' }] } }, 'the next report writes the run again')
  const byItself = commands.filter(({ by }: { by: string }) => by === 'stopgate')
  t.match(byItself.filter(({ type }: { type: string }) => type === 'predictor'), [{ predictor: { name: 'cut', action: 'forgotten' } }], 'a damaged predictor is forgotten')
  const { damaged } = await store.learned()
  t.same([damaged, (await store.predictors()).size], [{ ledger: 0, pending: [], cohorts: [], samples: [] }, 0], 'the next learner finds no damage')
}

/** An export names the damage. A file of the rest can be imported, and the damage is repaired there as well. */
async function exportedOf (t: Test, env: NodeJS.ProcessEnv): Promise<void> {
  const io = captureIo(env)
  await t.rejects(exportState([], io), { name: 'CommandError', exitCode: 1, message: /^17 values .* can be imported/ })
  for (const named of ['log "', 'meta "ledger"', 'pending "waits"', 'cohorts "model=y,task=math"', 'pins "model=q,task=aime"', 'pins "model=q,task=cut"', 'predictors "cut"', 'history "']) t.match(io.err(), `stopgate export: ${named}`)
  const folder = await temporaryFolder(t)
  const file = join(folder, 'state.jsonl')
  await writeFile(file, io.out())
  const DATA_DIR = join(folder, 'data')
  await importState([file], captureIo({ DATA_DIR }))
  const { send, store, app } = await build(t, { DATA_DIR })
  t.match((await send('GET', '/readyz')).body.warnings.join(), 'the pin of model=q,task=cut')
  t.ok((await send('GET', '/v1/history?limit=1000')).body.changes.some(({ cause }: { cause: string }) => cause === 'unreadable'))
  t.ok((await send('GET', '/v1/audit?limit=1000')).body.commands.some(({ type }: { type: string }) => type === 'unreadable'))
  await until('all is read', async () => (await store.revision()).lag === 0)
  t.equal((await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).status, 200)
  await app.close()
}

interface RawTable { readonly put: (key: unknown, text: string) => Promise<boolean> }
const rowKey = (table: Table, key: string) => table === 'pending' || table === 'trainingRuns' ? Buffer.from(key) : table === 'reservoir' || table === 'history' || table === 'audit' ? Number(key) : key

t.test('unreadable values are skipped and reported by the embedded store', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  await overcome(t, { DATA_DIR }, async (how) => {
    const tables = tablesIn(openRoot(DATA_DIR))
    let [ms, sequence] = tables.getMeta('last_place')
    await how({
      append: async (text) => {
        await tables.log.put([ms, ++sequence], text)
        await tables.root.transaction(() => tables.setMeta('last_place', [ms, sequence]))
      },
      put: async (table, key, text) => await (tables[table] as RawTable).put(rowKey(table, key), text),
      ledger: async (text) => await tables.root.transaction(() => tables.setMeta('ledger', text)),
    })
    await tables.root.close()
  })
})

t.test('unreadable values are skipped and reported by Redis', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await overcome(t, { REDIS_URL: redis.url }, async (how) => {
    const client = admin(t, redis)
    await how({
      append: async (text) => await client.xadd(KEYS.log, '*', 'entry', text),
      put: async (table, key, text) => table === 'history' || table === 'audit'
        ? await client.xadd(KEYS[table], '*', table === 'audit' ? 'entry' : 'change', text, 'version', '1', 'replaced', 'null')
        : await client.hset(KEYS[table], key, text),
      ledger: async (text) => await client.set(KEYS.ledger, text),
    })
  })
})
