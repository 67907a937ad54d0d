import t from 'tap'
import { createScanner } from '../../../src/service/admin/scan-fleet.js'
import { losslessOutcome, report } from '../../certify.js'
import { build, until } from '../../helper.js'

t.test('readers share a scan for a time; a later one sees the changes since', async (t) => {
  const { send, store, readHistory, config } = await build(t)
  let now = Date.now()
  const scan = createScanner(store, readHistory, config, () => now)
  t.same((await scan()).rows, [])
  await report((path, body) => send('POST', path, body), [losslessOutcome('a')])
  await until('it is learned', async () => (await store.contextKeys()).length === 3)
  t.same((await scan()).rows, [], 'the last scan')
  now += 10_000
  const [one, two] = await Promise.all([scan(), scan()])
  t.equal(one, two)
  t.match(one.rows.find(({ is_leaf: isLeaf }) => isLeaf), { key: 'model=q,task=gsm8k', control_generations: 1, changed_at: Number })
})
