import t from 'tap'
import { reportLabel } from '../../src/outcomes/report-label.js'
import { build } from '../helper.js'
import { losslessOutcome } from '../certify.js'

t.test('answers are in the log by their digests only', async (t) => {
  const { send, store, service, learner } = await build(t)
  await learner.close() // so that the log keeps its entries
  await send('POST', '/v1/outcomes', { ...losslessOutcome('g'), em: undefined, answer: 'forty-two' })
  t.equal(await reportLabel(store, service.snapshot().salt, 'g', { reference: ['forty-two', 'six times seven'] }, 600), true)
  t.equal(await reportLabel(store, service.snapshot().salt, 'g', { em: 0 }, 600), false, 'the first stands')
  const entries = await store.read('0-0', 10, 0)
  t.match(entries.map(({ entry }) => entry.type), ['outcome', 'label'])
  t.notMatch(JSON.stringify(entries), /forty-two|times/)
})

t.test('before the store was ever reached nothing is taken', async (t) => {
  const { store } = await build(t)
  await t.rejects(reportLabel(store, null, 'g', { em: 1 }, 600), { name: 'StoreUnavailableError' })
})
