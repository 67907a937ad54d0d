import t from 'tap'
import { HISTORY_EXAMPLE, SNAPSHOT_EXAMPLE, READY_EXAMPLE, ROLLBACK_REPLY_EXAMPLE } from '../../../openapi/examples/snapshot-examples.js'

t.test('the history is older than the snapshot, newest first, and the rollback reverts its changes', async (t) => {
  const [pin, earlier] = HISTORY_EXAMPLE.changes
  t.ok(SNAPSHOT_EXAMPLE.version >= pin!.version && pin!.version > earlier!.version)
  t.match(ROLLBACK_REPLY_EXAMPLE.contexts, [{ key: pin!.key, before: pin!.after }])
  t.same(READY_EXAMPLE.store, SNAPSHOT_EXAMPLE.store)
})
