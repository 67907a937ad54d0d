import t from 'tap'
import { run } from '../../src/commands/export.js'
import { readState } from '../../src/state-file.js'
import { EmbeddedStore } from '../../src/store/embedded-store.js'
import { temporaryFolder } from '../helper.js'
import { freePort } from '../redis-server.js'
import { outcomes } from '../store/fixtures.js'
import { capturedWorld } from './captured-world.js'

async function * lines (text: string): AsyncIterable<string> { yield * text.trimEnd().split('\n') }

t.test('it writes the whole state of the store that the environment names', async (t) => {
  const dataDir = await temporaryFolder(t)
  const store = await EmbeddedStore.open({ dataDir })
  await store.append(outcomes('a', 'b'))
  await t.rejects(run([], capturedWorld({ DATA_DIR: dataDir })), { name: 'CommandError', message: /in use by another process/ })
  await store.close()
  const world = capturedWorld({ DATA_DIR: dataDir })
  await run([], world)
  const { rows } = await readState(lines(world.out()))
  t.equal(rows.log.length, 2)
  t.same(rows.seen.map(({ key }) => key), ['a', 'b'])
})

t.test('what can\'t be is said', async (t) => {
  await t.rejects(run(['x'], capturedWorld({})), { name: 'UsageError' })
  await t.rejects(run([], capturedWorld({ PORT: 'x' })), { name: 'UsageError', message: /PORT/ })
  await t.rejects(run([], capturedWorld({ REDIS_URL: `redis://127.0.0.1:${await freePort()}` })), { name: 'CommandError', message: /ECONNREFUSED/ })
})
