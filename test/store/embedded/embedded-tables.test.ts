import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { openRoot, tablesIn, transact } from '../../../src/store/embedded/embedded-tables.js'
import { temporaryFolder } from '../../helper.js'
import { fileLimit, withoutFileLimit } from '../file-limit.js'
import { commitOf, contentOf, idsOf, outcome, outcomes, pinEntry, state, TICK } from '../fixtures.js'

t.test('a missing folder is made, also with a dot in its name', async (t) => {
  const dataDir = join(await temporaryFolder(t), 'deep', 'v1.0')
  const store = await EmbeddedStore.open({ dataDir, dedupSeconds: 10 })
  t.teardown(() => store.close())
  await store.append([TICK])
  t.ok(existsSync(join(dataDir, 'data.mdb')))
})

t.test('a file that grows is mapped once', { skip: !existsSync('/proc/self/maps') && 'needs /proc' }, async (t) => {
  const dataDir = await temporaryFolder(t)
  const { root, reservoir } = tablesIn(openRoot(dataDir))
  t.teardown(() => root.close())
  const maps = () => readFileSync('/proc/self/maps', 'utf8').split('\n').filter((line) => line.includes(join(dataDir, 'data.mdb'))).length
  t.equal(maps(), 1)
  await root.childTransaction(() => { for (let i = 0; i < 32; i++) reservoir.putSync(i, 'x'.repeat(2 ** 20)) })
  t.equal(maps(), 1)
})

t.test('the longest context key of seven levels can be stored', async (t) => {
  const store = await EmbeddedStore.open({ dataDir: await temporaryFolder(t), dedupSeconds: 10 })
  t.teardown(() => store.close())
  const link = `${'l'.repeat(128)}=${'%2C'.repeat(128)}`
  const key = Array.from({ length: 7 }, () => link).join()
  const token = (await store.acquireLease('a', 10_000))!
  await store.commit(commitOf(token, { contexts: new Map([[key, state(1)]]), decisive: [key] }))
  t.same(await store.changedSince(0), [key])
  t.same((await store.readContexts([key])).get(key), state(1))

  const content = await contentOf(store)
  await t.rejects(store.append([outcome('a'), pinEntry(key + key, 0.5)]), /maximum key size|does not fit/, 'a key that is too long writes nothing of its call')
  t.same(await contentOf(store), content)
})

t.test('a full disk refuses writes, and accepts them once there is room', { skip: withoutFileLimit }, async (t) => {
  const store = await EmbeddedStore.open({ dataDir: await temporaryFolder(t), dedupSeconds: 3600 })
  t.teardown(() => store.close())
  const limitFiles = fileLimit(t)
  t.capture(console, 'error') // lmdb prints the error as well
  limitFiles('3000000')
  let kept = 0
  let refused = 0
  for (let i = 0; refused < 100; i++) {
    const calls = idsOf(`a-${i}`, 20).map((id) => store.append(outcomes(...idsOf(id, 10))))
    for (const call of await Promise.allSettled(calls)) {
      if (call.status === 'fulfilled') kept += 10
      else if (call.reason.name === 'StoreUnavailableError') refused++
      else throw call.reason
    }
  }
  t.equal(store.isUp(), false)
  t.match(await store.warnings(), [/^Outcomes get 503 .* Make room on the disk of DATA_DIR, .*full/])
  t.equal((await store.revision()).lag, kept, 'refused entries were not written')
  t.equal(store.isUp(), false, 'there is still no room')
  limitFiles('unlimited')
  await store.revision()
  t.equal(store.isUp(), true, 'without another append')
  t.same(await store.warnings(), [])
  t.same(await store.append([outcome('b')]), ['accepted'])
  t.equal(store.isUp(), true)
  t.equal((await store.read('0-0', 100_000, 0)).length, kept + 1)
})

t.test('an action that throws writes nothing and rejects with its own error', async (t) => {
  const tables = tablesIn(openRoot(await temporaryFolder(t)))
  t.teardown(() => tables.root.close())
  const failing = transact(tables.root, () => {
    tables.pins.putSync('*', 'x')
    throw new RangeError('a defect')
  })
  await t.rejects(failing, new RangeError('a defect'))
  t.equal(tables.pins.get('*'), undefined)
  t.equal(await transact(tables.root, () => { tables.pins.putSync('*', 'y'); return 7 }), 7)
  t.equal(tables.pins.get('*'), 'y')
})
