import t from 'tap'
import { HistorySchema, LiveSchema, SnapshotSchema, ReadySchema } from '../../openapi/snapshot-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { certify } from '../certify.js'
import { build } from '../helper.js'

t.test('replies match their schemas', async (t) => {
  const built = await build(t)
  await certify(built)
  for (const [url, schema] of [['/v1/snapshot', SnapshotSchema], ['/v1/history', HistorySchema], ['/livez', LiveSchema], ['/readyz', ReadySchema]] as const) {
    t.equal(itemValidator(schema)((await built.send('GET', url)).body), null, url)
  }
})
