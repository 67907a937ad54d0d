import t from 'tap'
import * as errors from '../../src/store/store-errors.js'

t.test('each error carries its class name, which log lines show', async (t) => {
  for (const [name, StoreError] of Object.entries(errors)) t.equal(new StoreError().name, name)
})
