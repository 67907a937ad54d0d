import t from 'tap'
import { readConfig } from '../src/config.js'
import { report, reportProblem } from '../src/report.js'
import { StoreUnavailableError } from '../src/store/store.js'
import { losslessOutcome } from './certify.js'
import { build } from './helper.js'

const config = readConfig({})
const outcome = losslessOutcome('g') as never

t.test('what the schema can not say', async (t) => {
  t.equal(reportProblem(config, outcome), null)
  t.match(reportProblem(config, { generation_id: 'g', tokens: 1, context: { colour: 'red' } }), { path: '/context/colour', message: /model, task/ })
  t.match(reportProblem(config, { generation_id: 'g', tokens: 1, arm: 'control', stopped: true }), { path: '/stopped' })
})

t.test('before the store was reached there is no salt, and nothing is kept', async (t) => {
  const { store } = await build(t)
  await t.rejects(report(store, null, [outcome]), StoreUnavailableError)
  t.same(await report(store, 'salt', [outcome, outcome]), [true, false])
})
