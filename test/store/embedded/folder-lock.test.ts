import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { temporaryFolder } from '../../helper.js'
import { TICK } from '../fixtures.js'
import { startStoreProcess } from '../store-process.js'

const open = (dataDir: string) => EmbeddedStore.open({ dataDir, dedupSeconds: 10 })

t.test('a second process on a folder gets an error that names it, and the first continues', async (t) => {
  const dataDir = await temporaryFolder(t)
  const store = await open(dataDir)
  t.teardown(() => store.close())
  const { told } = await startStoreProcess(t, dataDir)
  t.match(told, { error: `The data folder ${dataDir} is in use by another process` })
  t.match(told, { error: /DATA_DIR.*REDIS_URL/ }, 'the error says what to do')
  await t.rejects(open(dataDir), /is in use/, 'a second store of this process is refused too')
  t.same(await store.append([TICK]), ['accepted'])
})

t.test('a folder is free as soon as its process has ended, however it ended', async (t) => {
  const dataDir = await temporaryFolder(t)
  const { child } = await startStoreProcess(t, dataDir)
  await t.rejects(open(dataDir), /is in use/)
  child.kill('SIGSTOP')
  await t.rejects(open(dataDir), /is in use/, 'the folder of a stopped process stays locked')
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.ok(existsSync(join(dataDir, 'in-use.sock')), 'a killed process leaves its lock behind')
  const store = await open(dataDir)
  await store.close()
  t.notOk(existsSync(join(dataDir, 'in-use.sock')), 'an orderly end removes the lock')
  await (await open(dataDir)).close()
})

t.test('when two processes start on an abandoned folder, only the first gets it', async (t) => {
  const dataDir = await temporaryFolder(t)
  const { child } = await startStoreProcess(t, dataDir)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const told = await Promise.all([1, 2].map(async () => (await startStoreProcess(t, dataDir)).told))
  t.equal(told.filter((one) => 'opened' in one).length, 1)
  t.match(told.flatMap((one) => 'error' in one ? [one.error] : []), [/is in use/])
})

t.test('a folder can be locked when its path is too long for a socket', { skip: process.platform !== 'linux' && 'Linux only' }, async (t) => {
  const dataDir = join(await temporaryFolder(t), 'long'.repeat(30), 'longer'.repeat(20))
  const store = await open(dataDir)
  await t.rejects(open(dataDir), /is in use/)
  await store.close()
  await (await open(dataDir)).close()
})

t.test('a file that is not a socket does not lock the folder', async (t) => {
  const dataDir = await temporaryFolder(t)
  mkdirSync(dataDir, { recursive: true })
  writeFileSync(join(dataDir, 'in-use.sock'), '')
  await (await open(dataDir)).close()
})
