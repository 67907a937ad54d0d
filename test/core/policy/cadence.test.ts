import t from 'tap'
import { nextCheckTokens } from '../../../src/core/policy/cadence.js'

t.test('the next check is the next multiple of the cadence, and not before min_tokens', async (t) => {
  const rule = { minTokens: 0, checkEveryTokens: 32 }
  t.equal(nextCheckTokens(rule, 0), 32)
  t.equal(nextCheckTokens(rule, 31), 32)
  t.equal(nextCheckTokens(rule, 32), 64)
  t.equal(nextCheckTokens({ ...rule, minTokens: 100 }, 5), 128)
  t.equal(nextCheckTokens({ ...rule, minTokens: 128 }, 5), 128)
  t.equal(nextCheckTokens(rule, 1_000_000_000), 1_000_000_032 - 1_000_000_000 % 32)
})
