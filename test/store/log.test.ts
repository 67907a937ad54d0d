import t from 'tap'
import { LOG_LIMITS, logLimits } from '../../src/store/log.js'

t.test('limits that are not given have their defaults', async (t) => {
  t.same(logLimits({}), LOG_LIMITS)
  t.same(logLimits({ dedupSeconds: 5, maxLogEntries: undefined } as never), { ...LOG_LIMITS, dedupSeconds: 5 })
})
