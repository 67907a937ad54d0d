import t from 'tap'
import { openTables } from '../../src/store/embedded/embedded-tables.js'
import { transact } from '../../src/store/embedded/embedded-tables.js'
import { temporaryFolder } from '../helper.js'

t.test('an action that throws writes nothing and rejects with its own error', async (t) => {
  const tables = openTables(await temporaryFolder(t))
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
