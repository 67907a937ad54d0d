import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run as runExport } from '../../../src/cli/export.js'
import { run as runImport } from '../../../src/cli/import.js'
import { losslessOutcome, reportTo, untilEvidence } from '../../certify.js'
import { captureIo } from '../../cli/command-line/captured-io.js'
import { build, type Built, temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { quickPolicy, SHUFFLED } from '../../quick-policy.js'

const POOL = 'model=q'
const [HARD, KIND] = [{ model: 'q', task: 'hard' }, { model: 'q', task: 'kind' }]
const DEFAULT_POLICY = quickPolicy({ ...SHUFFLED, certify_at: 'model', control_rate: 1 })

let reported = 0
const kept = (context = KIND) => losslessOutcome(`g${++reported}`, context)
const lost = () => ({ ...kept(HARD), steps: [{ tokens: 32, confidence: 0.95, em: 0 }, { tokens: 64, confidence: 0.99, em: 0 }] })
const many = <T> (count: number, one: () => T) => Array.from({ length: count }, one)
const path = (key: string) => `/v1/contexts/${encodeURIComponent(key)}`

/** The answers of a replica to both members: decisions and the bundle. */
async function asked ({ send }: Built) {
  const step = { arm: 'treated', tokens: 32, confidence: 1 }
  const [hard, kind] = await Promise.all([HARD, KIND].map(async (context) => (await send('POST', '/v1/decisions', { ...step, context })).body))
  const { body: bundle } = await send('GET', '/v1/bundle')
  const ruleOf = (task: string) => bundle.rules[(bundle.root.below.q.below[task] ?? bundle.root.below.q).rule]
  return { hard, kind, bundled: [ruleOf('hard').threshold, ruleOf('kind').threshold] }
}

async function checkGone (t: import('tap').Test, built: Built, where: string): Promise<void> {
  await until(`${where}: the model is loaded`, async () => (await asked(built)).kind.decision === 'stop')
  t.match(await asked(built), {
    hard: { decision: 'continue', reason: 'no_threshold', threshold: null, scope: 'none' },
    kind: { decision: 'stop', scope: 'pool' },
    bundled: [null, Number],
  }, where)
  const { body } = await built.send('GET', path('model=q,task=hard'))
  t.match(body, { status: 'drifted', threshold: null, guarantee: null, pool: { key: POOL, left_at: String }, em: { drop: 1 } }, where)
}

t.test('a member that has left its pool gets no threshold from it on any replica, after a restart, until the next epoch, as by an import', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const env = { REDIS_URL: redis.url, DEFAULT_POLICY }
  const one = await build(t, env)
  await reportTo(one, many(400, kept))
  const hasLeft = async () => (await one.send('GET', '/v1/history')).body.changes.some(({ cause }: { cause: string }) => cause === 'left_pool')
  for (let rounds = 1; rounds <= 20 && !await hasLeft(); rounds++) {
    await reportTo(one, [lost(), ...many(70, kept)])
    await untilEvidence(one, 400 + 71 * rounds, POOL)
  }
  t.match((await one.send('GET', '/v1/history')).body.changes[0], { key: 'model=q,task=hard', cause: 'left_pool', before: null, after: null }, 'it was new, so nothing was stopped there')
  await until('the replica knows', async () => (await asked(one)).hard.decision === 'continue')
  await checkGone(t, one, 'the replica that learns')
  t.match((await one.send('GET', '/readyz')).body.warnings.join(), /have left their pool.*: model=q,task=hard/)
  t.match((await one.send('GET', '/metrics')).body, 'stopgate_pool_exits_total 1\n')
  const members = await until('the pool lists it', async () => {
    const { body } = await one.send('GET', path(POOL))
    return body.members.left === 1 ? body.members : null
  })
  t.match(members, { total: 2, over_bound: 1, worst: [{ key: 'model=q,task=hard', em_drop: 1, over_bound: true, left_at: String }, { key: 'model=q,task=kind', em_drop: 0, left_at: null }] })
  t.equal((await one.send('GET', path('model=q,task=kind'))).body.members, null)

  await checkGone(t, await build(t, env), 'another replica')
  await one.app.close()
  const again = await build(t, env)
  await checkGone(t, again, 'after a restart')
  await again.send('POST', `${path('model=q,task=hard')}/reset`, { reason: 'test' })
  const reset = await until('the reset is learned', async () =>
    (await again.send('GET', '/v1/history')).body.changes.find(({ cause }: { cause: string }) => cause === 'reset'))
  await until('the replica has read it', async () => (await asked(again)).hard.snapshot_version >= reset.version)
  t.equal((await asked(again)).hard.decision, 'continue', 'after a reset of its own')

  const exporting = captureIo({ REDIS_URL: redis.url })
  await runExport([], exporting)
  const DATA_DIR = await temporaryFolder(t)
  const file = join(await temporaryFolder(t), 'state.jsonl')
  await writeFile(file, exporting.out())
  await runImport([file], captureIo({ DATA_DIR }))
  const imported = await build(t, { DATA_DIR, DEFAULT_POLICY })
  await until('the pool begins an epoch, and the replica knows', async () =>
    (await imported.send('GET', path(POOL))).body.epoch === 2 && imported.snapshotHolder.lag() === 0)
  await reportTo(imported, [...many(400, kept), ...many(30, () => kept(HARD))])
  await until('the next epoch of the pool brings it back', async () => (await asked(imported)).hard.decision === 'stop')
})
