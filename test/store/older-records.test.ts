import t from 'tap'
import { EmbeddedStore } from '../../src/store/embedded-store.js'
import { openTables } from '../../src/store/embedded-tables.js'
import { temporaryFolder } from '../helper.js'
import { batch } from './fixtures.js'

t.test('steps that an earlier version recorded are kept, and its tables are not', async (t) => {
  const dataDir = await temporaryFolder(t)
  const { root } = openTables(dataDir)
  const records = root.openDB('records', { keyEncoding: 'binary' })
  const recordSteps = root.openDB('record_steps', { encoding: 'string' })
  const recordsAt = root.openDB('records_at', { encoding: 'string' })
  for (const [i, id] of ['a', 'é\0', 'over'].entries()) {
    records.putSync(Buffer.from(id), { number: i + 1, at: 1, steps: 3, bytes: 30 })
    recordsAt.putSync([id === 'over' ? 1 : Date.now(), i + 1], id)
    recordSteps.putSync([i + 1, 0], '[32,0.5],[64,0.5,1]')
    recordSteps.putSync([i + 1, 2], `[${96 + i},0.75]`)
  }
  await root.close()

  const store = await EmbeddedStore.open({ dataDir })
  const first = [{ tokens: 32, confidence: 0.5 }, { tokens: 64, confidence: 0.5, em: 1 }]
  const steps = (last: number) => [...first, { tokens: last, confidence: 0.75 }]
  t.same(await store.recorded(['a', 'é\0', 'b', 'over']), new Map([['a', steps(96)], ['é\0', steps(97)]]))
  await store.record(batch([['a', [{ tokens: 128, confidence: 1 }]]]))
  await store.close()

  const again = await EmbeddedStore.open({ dataDir })
  t.same((await again.recorded(['a'])).get('a'), [...steps(96), { tokens: 128, confidence: 1 }], 'they are taken over once')
  await again.close()
  const tables = openTables(dataDir)
  t.equal([...tables.recordSegments.getKeys()].length, 2)
  t.notOk([...tables.root.getKeys()].some((name) => /^record(s|_steps|s_at)$/.test(String(name))))
  await tables.root.close()
})
