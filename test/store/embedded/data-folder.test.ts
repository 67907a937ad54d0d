import { readdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkDataFolder, makeFolder, PAGE_SIZE } from '../../../src/store/embedded/data-folder.js'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { temporaryFolder } from '../../helper.js'
import { fileLimit, withoutFileLimit } from '../file-limit.js'
import { idsOf, outcomes } from '../fixtures.js'

const open = (dataDir: string) => EmbeddedStore.open({ dataDir, dedupSeconds: 10 })

t.test('an empty folder and a complete database pass the check', async (t) => {
  const dataDir = await temporaryFolder(t)
  checkDataFolder(dataDir)
  t.same(readdirSync(dataDir), [], 'nothing is left of the check')
  writeFileSync(join(dataDir, 'data.mdb'), '')
  checkDataFolder(dataDir) // as a process leaves it that was killed at its very start
  await (await open(dataDir)).close()
  checkDataFolder(dataDir)
  await (await open(dataDir)).close()
})

t.test('a missing folder is made with its parents, and a failure names the folder', async (t) => {
  const folder = await temporaryFolder(t)
  for (let i = 0; i < 2; i++) makeFolder(join(folder, 'a', 'b', 'c'))
  t.ok(statSync(join(folder, 'a', 'b', 'c')).isDirectory())
  makeFolder('.')
  writeFileSync(join(folder, 'file'), '')
  symlinkSync(join(folder, 'nowhere'), join(folder, 'link'))
  for (const odd of [join(folder, 'file'), join(folder, 'file', 'x'), join(folder, 'link'), '/proc/stopgate/data', '/dev/null/x']) {
    t.throws(() => { makeFolder(odd) }, { message: new RegExp(`^The data folder ${odd} cannot be created: .*DATA_DIR`) }, odd)
  }
})

t.test('a file that is not a database is refused by name', async (t) => {
  const dataDir = await temporaryFolder(t)
  const file = join(dataDir, 'data.mdb')
  await (await open(dataDir)).close()
  const whole = readFileSync(file)
  const refused = { message: new RegExp(`^${file} is not a database`) }
  for (const size of [1, PAGE_SIZE, PAGE_SIZE + 20]) {
    writeFileSync(file, whole)
    truncateSync(file, size)
    await t.rejects(open(dataDir), refused, `${size} bytes of it`)
  }
  writeFileSync(file, 'something else'.repeat(10_000))
  await t.rejects(open(dataDir), refused)
  writeFileSync(file, whole)
  await (await open(dataDir)).close()
})

t.test('a truncated database is refused by name', async (t) => {
  const dataDir = await temporaryFolder(t)
  const file = join(dataDir, 'data.mdb')
  const store = await open(dataDir)
  for (let i = 0; i < 10; i++) await store.append(outcomes(...idsOf(`batch-${i}`, 400)))
  await store.close()
  const whole = readFileSync(file)
  const pages = whole.length / PAGE_SIZE
  t.ok(pages > 100)
  for (const left of [3, pages >> 2, pages >> 1]) {
    writeFileSync(file, whole.subarray(0, left * PAGE_SIZE))
    await t.rejects(open(dataDir), { message: new RegExp(`^${file} is not a database, or is truncated`) }, `${left} of ${pages} pages`)
  }
  writeFileSync(file, whole)
  await (await open(dataDir)).close()
})

t.test('a full disk is reported at the start', { skip: withoutFileLimit }, async (t) => {
  const dataDir = await temporaryFolder(t)
  const limitFiles = fileLimit(t)
  limitFiles('10000')
  await t.rejects(open(dataDir), { message: new RegExp(`^The data folder ${dataDir} cannot be written to: EFBIG`) })
  t.same(readdirSync(dataDir), [])
  limitFiles('unlimited')
  await (await open(dataDir)).close()
})
