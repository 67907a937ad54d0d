import t from 'tap'
import { ANYBODY } from '../../../src/service/access/context-access.js'
import { acceptLabel } from '../../../src/service/outcomes/accept-label.js'
import { losslessOutcome } from '../../certify.js'
import { build } from '../../helper.js'

const reporter = { ...ANYBODY, tokenOutcomes: null }

t.test('the log holds digests instead of answers, and the first label counts', async (t) => {
  const services = await build(t)
  await services.learner.close() // so that the log keeps its entries
  await services.send('POST', '/v1/outcomes', { ...losslessOutcome('g'), em: undefined, answer: 'forty-two' })
  const first = await acceptLabel(services, 'g', { reference: ['forty-two', 'six times seven'] }, reporter)
  t.same(first, { accepted: 1, duplicates: 0 })
  t.same(await acceptLabel(services, 'g', { em: 0 }, reporter), { accepted: 0, duplicates: 1 })
  const entries = await services.store.read('0-0', 10, 0)
  t.match(entries.map(({ entry }) => entry.type), ['outcome', 'label'])
  t.notMatch(JSON.stringify(entries), /forty-two|times/)
})

t.test('labels are refused until the store has been reached', async (t) => {
  const services = await build(t)
  const snapshotHolder = { snapshot: () => ({ ...services.snapshotHolder.snapshot(), salt: null }) }
  await t.rejects(acceptLabel({ ...services, snapshotHolder }, 'g', { em: 1 }, reporter), { name: 'StoreUnavailableError' })
})
