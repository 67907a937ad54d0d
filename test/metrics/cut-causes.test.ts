import t from 'tap'
import { CUT_CAUSES } from '../../src/metrics/cut-causes.js'
import { createMetrics } from '../../src/metrics/metrics.js'

t.test('each cause has a series from the start, so that an alert can count its first increase', async (t) => {
  const text = await createMetrics().registry.metrics()
  for (const cause of CUT_CAUSES) t.ok(text.includes(`{cause="${cause}"} 0`), cause)
})
