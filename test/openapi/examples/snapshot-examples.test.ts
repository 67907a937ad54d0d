import t from 'tap'
import { HISTORY_EXAMPLE, SNAPSHOT_EXAMPLE, READY_EXAMPLE } from '../../../openapi/examples/snapshot-examples.js'

t.test('the history is older than the snapshot, newest first', async (t) => {
  const [pin, earlier] = HISTORY_EXAMPLE.changes
  t.ok(SNAPSHOT_EXAMPLE.version >= pin!.version && pin!.version > earlier!.version)
  t.same(READY_EXAMPLE.store, SNAPSHOT_EXAMPLE.store)
})
