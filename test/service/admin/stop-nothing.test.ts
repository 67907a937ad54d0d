import { truncateSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import t from 'tap'
import { run as runExport } from '../../../src/cli/export.js'
import { run as runImport } from '../../../src/cli/import.js'
import { captureIo } from '../../cli/command-line/captured-io.js'
import { build, type Built, temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'

const order = async ({ send }: Pick<Built, 'send'>, on: boolean) => (await send('POST', '/v1/stop-nothing', { on, reason: 'incident 42' })).body
const viewOf = async ({ send }: Pick<Built, 'send'>) => (await send('GET', '/v1/stop-nothing')).body

async function exported (t: Parameters<typeof temporaryFolder>[0], env: NodeJS.ProcessEnv): Promise<string> {
  const io = captureIo(env)
  await runExport([], io)
  const file = join(await temporaryFolder(t), 'state.jsonl')
  await writeFile(file, io.out())
  return file
}

t.test('an order outlives the contents of the store, until an operator takes it back', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const env = { REDIS_URL: redis.url, POLL_SECONDS: '0.1' }
  const [one, other] = [await build(t, env), await build(t, env)]
  await one.send('PUT', '/v1/contexts/*/policy', { mode: 'shadow' })
  const backup = await exported(t, env)
  t.match(await order(one, true), { on: true, stored: true })
  await until('the other replica follows', async () => (await viewOf(other)).on)

  const client = new Redis(redis.url)
  await client.flushall()
  client.disconnect()
  await until('the loss is seen', async () => (await one.send('GET', '/v1/store-loss')).body.lost)
  for (const replica of [one, other]) t.equal((await viewOf(replica)).on, true)
  const given = await until('the emptied store has the order', async () => (await one.send('GET', '/v1/audit')).body.commands.at(-1))
  t.match(given, { by: 'stopgate', reason: /lost the order/, policy: { mode: 'off' } })

  await runImport([backup, '--replace'], captureIo(env))
  await until('the backup is loaded', async () => (await one.send('GET', '/v1/audit')).body.commands.some(
    ({ policy }: { policy?: { mode: string } }) => policy?.mode === 'shadow'))
  for (const replica of [one, other, await build(t, env)]) await until('it stops nothing', async () => (await viewOf(replica)).stored)
  t.match(await order(other, false), { on: false, stored: false })
  await until('all replicas follow', async () => !(await viewOf(one)).on)
  t.match((await one.send('GET', '/v1/contexts/*/policy')).body.policy, { mode: 'shadow' }, 'the mode of the backup')
})

t.test('an import keeps the order of the export, and that of the store that it replaces', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const before = await build(t, { DATA_DIR })
  await before.send('PUT', '/v1/contexts/model=q/policy', { min_tokens: 7 })
  const backup = await exported(t, { DATA_DIR })
  await order(before, true)
  const later = await exported(t, { DATA_DIR })
  await before.app.close()

  const fresh = await temporaryFolder(t)
  await runImport([later], captureIo({ DATA_DIR: fresh }))
  t.equal((await viewOf(await build(t, { DATA_DIR: fresh }))).stored, true)

  await runImport([backup, '--replace'], captureIo({ DATA_DIR }))
  const after = await build(t, { DATA_DIR })
  t.match(await viewOf(after), { on: true, stored: true })
  t.match((await after.send('GET', '/v1/contexts/model=q/policy')).body, { policy: { min_tokens: 7 }, effective: { mode: 'off' } })
  t.match((await after.send('GET', '/v1/audit')).body.commands[0], { by: 'stopgate', reason: /replaced/, replaced: null })
  t.match(await order(after, false), { on: false })
  t.strictSame((await after.send('GET', '/v1/contexts/*/policy')).body.policy, {})
})

t.test('a data file that was emptied is reported as lost, and starts with the order, since it may have had one', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  await (await build(t, { DATA_DIR })).app.close()
  truncateSync(join(DATA_DIR, 'data.mdb'))
  const after = await build(t, { DATA_DIR })
  t.match((await after.send('GET', '/v1/store-loss')).body, { lost: true, kind: 'replaced' })
  t.match((await after.send('GET', '/readyz')).body.warnings, [/^No generation is stopped anywhere/, /the store is another one/])
  t.match((await after.send('GET', '/v1/audit')).body.commands, [{ by: 'stopgate', reason: /data file was empty/ }])
  t.match(await order(after, false), { on: false })
  await after.app.close()
  t.match(await viewOf(await build(t, { DATA_DIR })), { on: false }, 'the operator has undone it for good')
})
