import t from 'tap'
import { normal } from '../../../src/cli/traces/seeded-random.js'
import {
  emInterval, highest, levelOf, levelsOf, lossOf, type Reading, readingsOf, scatterOf, stderrOf, tokensInterval, wilson,
} from '../../../src/core/training/readings.js'
import { mulberry32 } from '../../random.js'

const reading = (step: number, em: number, tokens: number, stderr = 0.01): Reading =>
  ({ step, em, tokens, stderr, n: 100, truncated: null })

t.test('the EM of a level is weighted by precision', async (t) => {
  const level = levelOf([reading(1, 0.5, 10, 0.01), reading(2, 0.8, 1000, 0.02), reading(3, 0.5, 20, 0.01)], 0)
  t.match(level, { step: 2, tokens: 20 })
  t.ok(Math.abs(level.em - (0.5 * 20_000 + 0.8 * 2500) / 22_500) < 1e-12)
  t.ok(Math.abs(level.stderr - 1 / Math.sqrt(22_500)) < 1e-12)
  t.ok(levelOf([reading(1, 0.5, 10)], 0.05).stderr === 0.05, 'a larger scatter replaces the standard error')
})

t.test('a level spans three consecutive checkpoints, and of equally high levels the latest is the highest', async (t) => {
  const levels = levelsOf([0.1, 0.9, 0.1, 0.5, 0.5, 0.5, 0.5].map((em, i) => reading(i, em, i)))
  t.equal(levels.length, 5)
  t.equal(highest(levels, 'em')!.step, 5)
  t.equal(highest(levels, 'tokens')!.step, 5)
  t.same(levelsOf([reading(1, 1, 1), reading(2, 1, 1)]), [])
  t.equal(highest([], 'em'), undefined)
})

t.test('the loss is the distance of the last checkpoint from the best level before it', async (t) => {
  const lossAt = (...ems: number[]) => lossOf(ems.map((em, i) => reading(i, em, 1)))
  t.ok(Math.abs(lossAt(0.7, 0.7, 0.7, 0.5, 0.6) - 0.1) < 1e-12)
  t.equal(lossAt(0.7, 0.7, 0.7, 0.8), 0, 'EM rose')
  t.equal(lossAt(0.9, 0.1), 0, 'no level yet')
})

const near = (a: number, b: number, by = 1e-4) => Math.abs(a - b) < by

t.test('the standard error of EM is as reported, otherwise binomial', async (t) => {
  t.ok(near(stderrOf({ em: 0.8, n: 400 }), 0.02))
  t.equal(stderrOf({ em: 0.8, n: 400, em_stderr: 0.05 }), 0.05, 'as reported')
  for (const em of [0, 1]) t.ok(near(stderrOf({ em, n: 100, em_stderr: 0 }), Math.sqrt((2 / 104) * (102 / 104) / 100)), 'never 0')
})

t.test('Wilson\'s interval matches the table in Newcombe 1998 (81 of 263: 0.2553 to 0.3662)', async (t) => {
  const { low, high } = wilson(81 / 263, 263, 1.959964)
  t.ok(near(low, 0.2553) && near(high, 0.3662))
  t.ok(near(emInterval({ em: 1, n: 10 }).high, 1, 1e-12))
  t.ok(near(emInterval({ em: 1, n: 10 }).low, 0.7225), 'Newcombe, 10 of 10')
  t.match(emInterval({ em: 0.99, n: 10, em_stderr: 0.02 }), { high: 1 })
})

t.test('the interval of mean tokens has its nominal coverage for log-normal lengths', async (t) => {
  const random = mulberry32(3)
  let held = 0
  for (let run = 0; run < 400; run++) {
    const lengths = Array.from({ length: 200 }, () => Math.exp(6 + 0.5 * normal(random))).sort((a, b) => a - b)
    const mean = lengths.reduce((sum, one) => sum + one) / 200
    const { low, high } = tokensInterval({ step: 1, suite: 's', em: 0, n: 200, tokens_mean: mean, tokens_p50: lengths[100]!, tokens_p95: lengths[190]! })!
    if (low <= Math.exp(6 + 0.125) && Math.exp(6 + 0.125) <= high) held++
  }
  t.ok(held / 400 > 0.91 && held / 400 < 0.98, `${held} of 400`)
  t.equal(tokensInterval({ step: 1, suite: 's', em: 0, n: 200, tokens_mean: 1, tokens_p95: 2 }), null)
  for (const mean of [0, 500]) t.equal(tokensInterval({ step: 1, suite: 's', em: 0, n: 1, tokens_mean: mean, tokens_p50: 1e-270, tokens_p95: 1e9 }), null)
})

t.test('scatter is measured about a line and ignores its slope', async (t) => {
  const random = mulberry32(5)
  t.equal(scatterOf([0, 1, 2, 3, 4, 5]), 0)
  const scatter = scatterOf(Array.from({ length: 2000 }, (_, i) => i * 0.01 + 0.02 * normal(random)))
  t.ok(near(scatter, 0.02, 0.002), String(scatter))
})

t.test('a reading uses the newest attempt', async (t) => {
  const attempt = (em: number) => ({ checkpoint: { step: 1, suite: 's', em, n: 100, tokens_mean: 5, truncated_rate: 0.1 }, received_at: 1 })
  t.match(readingsOf({ suite: 's', points: [{ step: 1, attempts: [attempt(0.2), attempt(0.5)] }], forgotten_through: null }),
    [{ step: 1, em: 0.5, stderr: 0.05, tokens: 5, n: 100, truncated: 0.1 }])
})

t.test('readings use only evaluations under the newest threshold', async (t) => {
  const attempt = (em: number, threshold?: number | null) => ({ checkpoint: { step: 1, suite: 's', em, n: 100, tokens_mean: 5, ...(threshold !== undefined && { threshold }) }, received_at: 1 })
  const read = (...steps: ReturnType<typeof attempt>[][]) =>
    readingsOf({ suite: 's', points: steps.map((attempts, step) => ({ step, attempts })), forgotten_through: null }).map(({ em }) => em)
  t.same(read([attempt(0.1)], [attempt(0.2, 0.9)], [attempt(0.3, null)]), [0.1, 0.3], 'an absent threshold equals null')
  t.same(read([attempt(0.1)], [attempt(0.2, 0.9)], [attempt(0.3, 0.8)]), [0.3])
  t.same(read([attempt(0.1), attempt(0.2, 0.9)], [attempt(0.3, 0.9), attempt(0.4)], [attempt(0.5)]), [0.1, 0.4, 0.5], 'the newest such attempt counts')
  t.same(read(), [])
})
