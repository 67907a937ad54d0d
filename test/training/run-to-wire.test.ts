import t from 'tap'
import { runToWire, summaryToWire } from '../../src/training/run-to-wire.js'
import { trainingWriteOf } from '../store/fixtures.js'

t.test('times are ISO 8601, and context keys are named context', async (t) => {
  const { run } = trainingWriteOf('r', null)
  t.match(summaryToWire(run), { run: 'r', created_at: '1970-01-01T00:00:00.001Z', suites: [{ suite: 's', step: 5 }], contexts: ['*'] })
  t.match(runToWire({ run, suites: [], contexts: [{ ...run.contexts[0]!, advice: [] }] }), { run: 'r', contexts: [{ context: '*', step: 5, since: '1970-01-01T00:00:00.001Z' }] })
})
