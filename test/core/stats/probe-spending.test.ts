import t from 'tap'
import { addSpending, NO_SPENDING, probeOverhead } from '../../../src/core/stats/probe-spending.js'

t.test('the overhead is the tokens of probes over those of generations, in both arms', async (t) => {
  t.equal(probeOverhead(NO_SPENDING), null)
  const control = addSpending(NO_SPENDING, { tokens: 100, probe_tokens: 20 }, true)
  const both = addSpending(control, { tokens: 100, probe_tokens: 0 }, false)
  t.equal(probeOverhead(control), 0.2)
  t.equal(probeOverhead(both), 0.1)
  t.same(both.control, { generations: 1, tokens: 100, probe_tokens: 20 })
})

t.test('the figures follow cheaper probes within two thousand generations', async (t) => {
  let spending = NO_SPENDING
  for (let i = 0; i < 10_000; i++) spending = addSpending(spending, { tokens: 100, probe_tokens: 50 }, true)
  for (let i = 0; i < 2048; i++) spending = addSpending(spending, { tokens: 100, probe_tokens: 1 }, true)
  t.ok(probeOverhead(spending)! < 0.15, `${probeOverhead(spending)}`)
})
