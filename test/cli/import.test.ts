import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run as runExport } from '../../src/cli/export.js'
import { run } from '../../src/cli/import.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build, temporaryFolder, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { captureIo } from './command-line/captured-io.js'

const step = { generation_id: 'g', tokens: 32, confidence: 0.99, context: CONTEXT }

t.test('a state moves from a folder to Redis with the same decisions, arms and evidence', { skip: withoutRedis }, async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const file = join(await temporaryFolder(t), 'state.jsonl')
  const before = await build(t, { DATA_DIR })
  await certify(before)
  await before.send('PUT', '/v1/contexts/model=x/pin', { threshold: 0.9, reason: 'why' })
  const decided = async ({ send }: Pick<typeof before, 'send'>) => {
    const arms = await Promise.all(Array.from({ length: 20 }, async (_, i) => (await send('POST', '/v1/decisions', { ...step, generation_id: `g${i}` })).body.arm))
    const { snapshot_version, ...decision } = (await send('POST', '/v1/decisions', step)).body
    const { thresholds, control_generations } = (await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).body
    return { arms, decision, thresholds, control_generations, audit: (await send('GET', '/v1/audit')).body.commands.map(({ key }: { key: string }) => key) }
  }
  const expected = await decided(before)
  await before.app.close()
  const exporting = captureIo({ DATA_DIR })
  await runExport([], exporting)
  await writeFile(file, exporting.out())

  const redis = await startRedis(t, DURABLE)
  const after = await build(t, { REDIS_URL: redis.url })
  await until('Redis is reached', async () => (await after.send('GET', '/readyz')).status === 200)
  const importing = captureIo({ REDIS_URL: redis.url })
  await run([file], importing)
  t.match(importing.err(), /^imported 3 contexts at version \d+, 0 entries to fold, 300 ids of outcomes\n$/)
  await until('it is in force', async () => (await after.send('POST', '/v1/decisions', step)).body.guarantee !== null)
  t.same(await decided(after), expected)
  await until('the learner continues from there', async () => after.learner.isLeader())
  await certify(after, { model: 'q', task: 'another' })

  await t.rejects(run([file], importing), { name: 'CommandError', message: /already.*--replace/ })
  await run([file, '--replace'], importing)
  await until('the imported state is back', async () => (await after.send('GET', '/v1/contexts')).body.contexts.length === 3)
})

t.test('a failed import changes nothing', async (t) => {
  const io = captureIo({ DATA_DIR: await temporaryFolder(t) })
  const file = join(await temporaryFolder(t), 'state.jsonl')
  await t.rejects(run([], io), { name: 'UsageError', message: /one FILE/ })
  await t.rejects(run([file], io), { name: 'CommandError', message: /ENOENT/ })
  await writeFile(file, '{"stopgate_state":99}\n{"rows":0}\n')
  await t.rejects(run([file], io), { name: 'CommandError', message: /format 99/ })
})
