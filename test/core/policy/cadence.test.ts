import t from 'tap'
import { nextCheckTokens } from '../../../src/core/policy/cadence.js'

t.test('the next check is the next multiple of the cadence, and not before min_tokens', async (t) => {
  const rule = { minTokens: 0, checkEveryTokens: 32, checkGrowth: 0 }
  t.equal(nextCheckTokens(rule, 0), 32)
  t.equal(nextCheckTokens(rule, 31), 32)
  t.equal(nextCheckTokens(rule, 32), 64)
  t.equal(nextCheckTokens({ ...rule, minTokens: 100 }, 5), 128)
  t.equal(nextCheckTokens({ ...rule, minTokens: 128 }, 5), 128)
  t.equal(nextCheckTokens(rule, 1_000_000_000), 1_000_000_032 - 1_000_000_000 % 32)
})

t.test('with growth, the next check is that part of the tokens later, on a multiple of the cadence', async (t) => {
  const rule = { minTokens: 0, checkEveryTokens: 32, checkGrowth: 0.1 }
  const checks: number[] = []
  for (let at = nextCheckTokens(rule, 0); checks.length < 16; at = nextCheckTokens(rule, at)) checks.push(at)
  t.strictSame(checks, [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 416, 480, 544, 608, 672], 'a tenth of 320 is 32, of 352 more')
  t.equal(nextCheckTokens({ ...rule, minTokens: 1000 }, 320), 1024)
  t.equal(nextCheckTokens({ ...rule, checkGrowth: 1 }, 96), 192)
})
