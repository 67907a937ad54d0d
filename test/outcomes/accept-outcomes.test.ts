import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { acceptBatch, acceptOutcome, countRefused } from '../../src/outcomes/accept-outcomes.js'
import { StoreUnavailableError } from '../../src/store/store-errors.js'
import { losslessOutcome } from '../certify.js'
import { build } from '../helper.js'

const reporter = { ...ANYBODY, tokenOutcomes: null }
const outcome = losslessOutcome('g') as never

t.test('a duplicate outcome counts once', async (t) => {
  const services = await build(t)
  t.same(await acceptOutcome(services, outcome, reporter), { accepted: 1, duplicates: 0, label_wanted: false })
  t.same(await acceptOutcome(services, outcome, reporter), { accepted: 0, duplicates: 1, label_wanted: false })
  const text = await services.metrics.render()
  t.match(text, 'stopgate_outcomes_total{result="accepted",arm="control"} 1\n')
  t.match(text, 'stopgate_outcomes_total{result="duplicate",arm="control"} 1\n')
})

t.test('a batch stores its valid outcomes and lists the others', async (t) => {
  const services = await build(t)
  const bad = { generation_id: 'bad', tokens: -1 }
  const elsewhere = { generation_id: 'r', tokens: 1, context: { colour: 'red' } }
  t.match(await acceptBatch(services, [bad, outcome, elsewhere, { generation_id: 'armless', tokens: 1 }], reporter), {
    accepted: 2,
    duplicates: 0,
    rejected: [{ index: 0, path: '/tokens' }, { index: 2, path: '/context/colour' }],
    outcomes: [null, { label_wanted: false }, null, { label_wanted: false, warnings: ['arm_missing'] }],
  })
  t.match(await services.metrics.render(), 'stopgate_outcomes_total{result="rejected",arm="unknown"} 2\n')
})

t.test('outcomes that the store cannot take are counted as unavailable', async (t) => {
  const services = await build(t)
  const store = {
    kind: 'embedded' as const, stepRecords: services.store.stepRecords, append: async () => { throw new StoreUnavailableError('gone') },
  }
  await t.rejects(acceptOutcome({ ...services, store }, outcome, reporter), StoreUnavailableError)
  t.match(await services.metrics.render(), 'stopgate_outcomes_total{result="unavailable",arm="control"} 1\n')
})

t.test('an error of the client is counted as rejected, a failure of the service is not', async (t) => {
  const services = await build(t)
  countRefused(services, 400)
  countRefused(services, 503)
  countRefused(services, 429)
  countRefused(services)
  t.match(await services.metrics.render(), 'stopgate_outcomes_total{result="rejected",arm="unknown"} 1\n')
})
