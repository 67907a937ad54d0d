import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run as runExport } from '../../src/cli/export.js'
import { run } from '../../src/cli/import.js'
import { certify, CONTEXT, KEY } from '../certify.js'
import { build, temporaryFolder, until } from '../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { captureIo } from './command-line/captured-io.js'

t.test('a state moves from a folder to Redis, and its evidence begins again', { skip: withoutRedis }, async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const file = join(await temporaryFolder(t), 'state.jsonl')
  const before = await build(t, { DATA_DIR })
  const ids = await certify(before)
  await before.send('PUT', '/v1/contexts/model=x/pin', { threshold: 0.9, reason: 'why' })
  const read = async ({ send }: Pick<typeof before, 'send'>) => {
    const context = (await send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).body
    const commands = (await send('GET', '/v1/audit')).body.commands.map(({ key }: { key: string }) => key)
    return { context, kept: { audit: commands, policy: context.policy, saved: context.tokens.saved } }
  }
  const expected = await read(before)
  t.ok(expected.context.threshold !== null && expected.kept.audit.length > 0)
  await before.app.close()
  const exporting = captureIo({ DATA_DIR })
  await runExport([], exporting)
  await writeFile(file, exporting.out())

  const redis = await startRedis(t, DURABLE)
  const after = await build(t, { REDIS_URL: redis.url })
  await until('Redis is reached', async () => (await after.send('GET', '/readyz')).status === 200)
  const importing = captureIo({ REDIS_URL: redis.url })
  await run([file], importing)
  t.match(importing.err(), new RegExp(`^imported 3 contexts at version \\d+, 0 entries to fold, ${ids.length} ids of outcomes\n$`))
  const untilContext = async (what: string, isSo: (context: any) => boolean) =>
    await until(what, async () => isSo((await read(after)).context))
  await untilContext('evidence begins again', ({ epoch }) => epoch === 2)
  const { context, kept } = await read(after)
  t.match(context, { threshold: null, generations: { control: 0 } })
  t.same(kept, expected.kept)

  await t.rejects(run([file], importing), { name: 'CommandError', message: /already.*--replace/ })
  for (const looks of [2, 3]) {
    await certify(after, CONTEXT, 400)
    const { total_error_level: level } = (await read(after)).context.guarantee
    t.ok(Math.abs(level - 0.05 * (2 - 1 / looks)) < 1e-12, `look ${looks}: the export has one, but the replaced store more`)
    await run([file, '--replace'], importing)
    await untilContext('the imported state is back', ({ epoch, threshold }) => epoch === 2 && threshold === null)
  }
})

t.test('a failed import changes nothing', async (t) => {
  const io = captureIo({ DATA_DIR: await temporaryFolder(t) })
  const file = join(await temporaryFolder(t), 'state.jsonl')
  await t.rejects(run([], io), { name: 'UsageError', message: /one FILE/ })
  await t.rejects(run([file], io), { name: 'CommandError', message: /ENOENT/ })
  await writeFile(file, '{"stopgate_state":99}\n{"rows":0}\n')
  await t.rejects(run([file], io), { name: 'CommandError', message: /format 99/ })
})
