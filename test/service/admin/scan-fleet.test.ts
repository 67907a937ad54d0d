import t from 'tap'
import { createScanner } from '../../../src/service/admin/scan-fleet.js'
import { describeHere } from '../../../src/service/snapshot/describe-contexts.js'
import { losslessOutcome, reportTo, untilEvidence } from '../../certify.js'
import { build } from '../../helper.js'
import { ALL_CONTROL } from '../../quick-policy.js'

t.test('readers share a scan for a time; a later one sees the changes since', async (t) => {
  const built = await build(t, ALL_CONTROL)
  let now = Date.now()
  const scan = createScanner({ ...built, describe: (...args) => describeHere(built.store, built.config, ...args), clock: () => now })
  t.same((await scan()).rows, [])
  await reportTo(built, [losslessOutcome('a')])
  await untilEvidence(built, 1)
  t.same((await scan()).rows, [], 'the last scan')
  now += 10_000
  const [one, two] = await Promise.all([scan(), scan()])
  t.equal(one, two)
  t.match(one.rows.find(({ is_leaf: isLeaf }) => isLeaf), { key: 'model=q,task=gsm8k', control_generations: 1, updated_at: Number })
})
