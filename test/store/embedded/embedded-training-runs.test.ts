import t from 'tap'
import { EmbeddedStore } from '../../../src/store/embedded/embedded-store.js'
import { temporaryFolder } from '../../helper.js'
import { trainingWriteOf } from '../fixtures.js'

// contract-training.ts tests the laws. This test is about what only the embedded store can get wrong.

t.test('a write that fails in any part writes nothing', async (t) => {
  const store = await EmbeddedStore.open({ dataDir: await temporaryFolder(t) })
  t.teardown(() => store.close())
  await store.trainingRuns.write(trainingWriteOf('there', null))
  const dropped = [trainingWriteOf('there', null).run, trainingWriteOf('never there', null).run]
  await t.rejects(store.trainingRuns.write(trainingWriteOf('r', null, { dropped })), { name: 'ConflictError', message: /never there is at revision null, no longer 1/ })
  t.match(await store.trainingRuns.list(), [{ name: 'there' }])
  t.equal((await store.trainingRuns.readSeries('there', ['s'])).length, 1)
})
