import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { run } from '../../src/cli/export.js'
import { readStateFile } from '../../src/store/encoding/state-file.js'
import { createStore } from '../../src/store/open/create-store.js'
import { EmbeddedStore } from '../../src/store/embedded/embedded-store.js'
import { driveClock } from '../clock.js'
import { startProxy } from '../faults/proxy.js'
import { temporaryFolder, until } from '../helper.js'
import { freePort, startRedis, withoutRedis } from '../redis-server.js'
import { cli } from '../service-process.js'
import { outcomes } from '../store/fixtures.js'
import { captureIo } from './command-line/captured-io.js'

async function * lines (text: string): AsyncIterable<string> { yield * text.trimEnd().split('\n') }

t.test('the whole state of the configured store is written', async (t) => {
  const dataDir = await temporaryFolder(t)
  const store = await EmbeddedStore.open({ dataDir })
  await store.append(outcomes('a', 'b'))
  await store.close()
  const io = captureIo({ DATA_DIR: dataDir })
  await run([], io)
  const { rows } = await readStateFile(lines(io.out()))
  t.equal(rows.log.length, 2)
  t.same(rows.seen.map(({ key }) => key), ['a', 'b'])
  t.equal(io.err(), 'exported 0 contexts at version 0, 2 entries to fold, 2 ids of outcomes\n')
})

t.test('a data folder is exported while a service uses it, again and again, and the service goes on', async (t) => {
  const dataDir = await temporaryFolder(t)
  const store = await EmbeddedStore.open({ dataDir })
  t.teardown(() => store.close())
  for (const id of ['a', 'b']) {
    await store.append(outcomes(id))
    const { stdout } = await promisify(execFile)(process.execPath, [cli, 'export'], { env: { ...process.env, DATA_DIR: dataDir } })
    const { rows } = await readStateFile(lines(stdout))
    t.same(rows.seen.map(({ key }) => key), id === 'a' ? ['a'] : ['a', 'b'])
  }
  await t.rejects(EmbeddedStore.open({ dataDir }), { message: /in use by another process/ }, 'it still holds the folder')
})

t.test('a wrong argument, setting or address is explained', async (t) => {
  await t.rejects(run(['x'], captureIo({})), { name: 'UsageError' })
  await t.rejects(run([], captureIo({ PORT: 'x' })), { name: 'UsageError', message: /PORT/ })
  await t.rejects(run([], captureIo({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })), { name: 'CommandError', message: /ECONNREFUSED/ })
})

t.test('without a store nothing is written and none is created', async (t) => {
  const folder = await temporaryFolder(t)
  for (const DATA_DIR of [folder, join(folder, 'none')]) {
    const io = captureIo({ DATA_DIR })
    await t.rejects(run([], io), { name: 'CommandError', exitCode: 1, message: `DATA_DIR (${DATA_DIR}) holds no store: nothing is exported` })
    t.equal(io.out(), '')
  }
  t.same(await readdir(folder), [])
})

t.test('export waits for a slow Redis and refuses an empty one', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t)
  const io = captureIo({ REDIS_URL: redis.url })
  await t.rejects(run([], io), { name: 'CommandError', message: /the Redis of REDIS_URL holds no store: nothing is exported/ })
  t.equal(io.out(), '')
  const store = await createStore({ redisUrl: redis.url, dataDir: '' })
  await store.append(outcomes('a'))
  await store.close()
  const proxy = await startProxy(t, redis.port)
  const asked: string[] = []
  proxy.judge = (name) => { asked.push(name); return 'pass' }
  const clock = driveClock(t)
  redis.pause()
  const slow = captureIo({ REDIS_URL: proxy.url })
  const exporting = run([], slow)
  await until('Redis is asked', () => asked.length > 0)
  await clock.advance(9000, 1000)
  redis.resume()
  await exporting
  t.match(slow.out(), '"stopgate_state"')
})

t.test('export soon gives up on a host that never answers', async (t) => {
  const clock = driveClock(t)
  let isAsked = false
  const silent = createServer((socket) => { socket.on('error', () => {}).on('data', () => { isAsked = true }) }).listen(0, '127.0.0.1')
  t.teardown(() => { silent.close() })
  await once(silent, 'listening')
  let isOver = false
  const exporting = run([], captureIo({ REDIS_URL: `redis://127.0.0.1:${(silent.address() as AddressInfo).port}` })).finally(() => { isOver = true })
  exporting.catch(() => {})
  await until('it is asked', () => isAsked)
  await clock.advance(9000, 1000)
  t.notOk(isOver)
  await clock.advance(1000)
  await until('it gives up', () => isOver)
  await t.rejects(exporting, { name: 'CommandError', message: /unavailable/ })
})
