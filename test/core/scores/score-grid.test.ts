import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Sample } from '../../../src/core/scores/sample.js'
import { scoreGrid } from '../../../src/core/scores/score-grid.js'
import { holds } from '../../property.js'

/** The score is the confidence itself. */
const identity = {
  name: 'p', label: 'exact_match' as const, levels: 'task', signals: [], contexts: { '*': { log_median: Math.log(100), weights: [0, 1, 0, 0] } }, trained: { generations: 0, steps: 0, groups: [] },
}
const sample = (...confidences: number[]): Sample => ({
  u: 0.5, leaf: '*', label: 'exact_match', tokens: 100, steps: confidences.map((confidence, i) => ({ tokens: 100 * (i + 1) / (confidences.length + 1), confidence, lost: 0 })),
})
const isFalling = (grid: readonly number[]) => grid.every((value, k) => value > 0 && value < 1 && (k === 0 || value < grid[k - 1]!))

t.test('the grid has 30 thresholds, the closest ones where the predicted loss is the usual one', async (t) => {
  const samples = Array.from({ length: 3000 }, (_, i) => sample((i + 0.5) / 3000)) // Each saves half of its tokens at its confidence.
  const grid = scoreGrid(identity, samples)
  t.equal(grid.length, 30)
  t.ok(isFalling(grid))
  const gaps = grid.slice(1).map((threshold, k) => grid[k]! - threshold)
  const closest = gaps.indexOf(Math.min(...gaps))
  const middle = 1 - (grid[closest]! + grid[closest + 1]!) / 2 // The share that stops there; its mean loss is half of that.
  t.ok(Math.abs(middle ** 2 / 2 - 0.03) < 0.006, `${middle}`)
  for (const [k, gap] of gaps.entries()) t.ok(k <= closest || gap > gaps[k - 1]! - 0.0004, 'gaps widen toward the loose end')
  for (const [k, gap] of gaps.entries()) t.ok(k >= closest || gap > gaps[k + 1]! - 0.0004, 'gaps widen toward the safe end')
})

t.test('a generation weighs in proportion to the tokens it saves', async (t) => {
  const long = (samples: readonly Sample[]) => samples.map((sample) =>
    ({ ...sample, tokens: 900, steps: sample.steps.map((step) => ({ ...step, tokens: 9 * step.tokens })) }))
  const [low, high] = [0.9, 0.95].map((at) => Array.from({ length: 500 }, (_, i) => sample(at + i / 50000)))
  const above = (samples: readonly Sample[]) => scoreGrid(identity, samples).filter((value) => value > 0.93).length
  t.ok(above([...low!, ...long(high!)]) > above([...low!, ...high!]) + 10)
  t.strictSame(scoreGrid(identity, long([...low!, ...high!])), scoreGrid(identity, [...low!, ...high!]), 'nine times longer generations throughout change nothing')
})

t.test('a later step with a higher score saves less than an earlier one', async (t) => {
  const weight = (...steps: number[]) => {
    const samples = Array.from({ length: 100 }, (_, i) => i < 50 ? sample(...steps) : sample(0.98, 0.98))
    return scoreGrid(identity, samples).filter((value) => value > 0.985).length
  }
  t.ok(weight(0.99) > 1.4 * weight(0.9, 0.99), 'stopping there saves a half instead of a third')
  t.ok(isFalling(scoreGrid(identity, Array.from({ length: 100 }, () => sample(0.6, 0.9)))))
})

t.test('losses are counted per context: a lossless context does not move the thresholds of another', async (t) => {
  const risky = Array.from({ length: 1000 }, (_, i) => sample(0.9 + i / 20000))
  const safe = Array.from({ length: 9000 }, () => sample(1))
  const middle = (samples: readonly Sample[]) => {
    const own = scoreGrid(identity, samples).filter((value) => value < 0.96)
    t.ok(own.length > 15)
    return own[own.length >> 1]!
  }
  const alone = middle(risky)
  t.ok(Math.abs(middle([...risky, ...safe.map((sample) => ({ ...sample, leaf: 'task=safe' }))]) - alone) < 0.0015)
  t.ok(middle([...risky, ...safe]) < alone - 0.003, 'in the same context it does')
})

t.test('thresholds are strictly decreasing even if all scores are equal', async (t) => {
  t.ok(isFalling(scoreGrid(identity, [sample(0.5)])))
  t.ok(isFalling(scoreGrid(identity, [sample(1), sample(0)])))
  t.ok(isFalling(scoreGrid({ ...identity, contexts: { '*': { log_median: 0, weights: [900, 0, 0, 0] } } }, [sample(0.5)])), 'a score that rounds to 1')
})

t.test('a single miscounted length does not attract the thresholds', async (t) => {
  const samples = Array.from({ length: 1000 }, (_, i) => sample(0.8 + i / 10000))
  const grid = (odd: Sample, tokens: number, leaf = '*') => scoreGrid(identity, [...samples, { ...odd, leaf, tokens }])
  const near = (tokens: number) => grid(sample(0.88), tokens).filter((value) => Math.abs(value - 0.88) < 0.0001).length
  t.ok(near(7100) > near(100) + 5, 'a long generation counts')
  t.equal(near(1e15), near(10_050))
  t.ok(near(1e15) < 40)
  const scores = Array.from({ length: 12 }, (_, i) => 0.9011 + i / 200)
  const rising = { ...sample(...scores), steps: scores.map((confidence, i) => ({ tokens: 1e8 * i, confidence, lost: 0 as const })) }
  const drawn = grid(rising, 1.2e9).filter((value) => scores.some((score) => Math.abs(value - score) < 0.0001)).length
  t.ok(drawn < 40, `its twelve steps attract ${drawn} thresholds`)
})

t.test('a miscounted length does not leave its own context without thresholds', async (t) => {
  const [mine, other] = [0.8, 0.9].map((at) => Array.from({ length: 500 }, (_, i) => sample(at + i / 10000)))
  const above = (tokens: number) => scoreGrid(identity, [
    ...mine!, ...[...other!, { ...sample(0.99), tokens }].map((sample) => ({ ...sample, leaf: 'task=other' })),
  ]).filter((value) => value > 0.9 && value < 0.95).length
  t.ok(above(100) > 7)
  t.ok(above(1e12) > 7, `${above(1e12)}`)
})

const stepOf = fc.record({
  tokens: fc.oneof(fc.constantFrom(0, 1, 2 ** 53, Number.MAX_VALUE), fc.nat({ max: 10_000 })),
  confidence: fc.oneof(fc.constantFrom(0, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true })),
})
const anySample = fc.tuple(fc.constantFrom('task=a', 'task=b'), fc.array(stepOf, { minLength: 2, maxLength: 5 })).map(([leaf, steps]): Sample => {
  const [first, ...others] = steps.sort((a, b) => b.tokens - a.tokens)
  const before = others.reverse().map((step) => ({ ...step, lost: 0 as const }))
  return { u: 0.5, leaf, label: 'exact_match', tokens: Math.max(1, first!.tokens), steps: before }
})
const weight = fc.double({ min: -1000, max: 1000, noNaN: true })

t.test('any samples give 30 strictly decreasing thresholds between 0 and 1', async (t) => {
  const logMedian = fc.double({ min: 0, max: 36, noNaN: true })
  holds(t, fc.property(fc.array(anySample, { minLength: 1, maxLength: 20 }), fc.tuple(weight, weight, weight, weight), logMedian,
    (samples, weights, log_median) => {
      const grid = scoreGrid({ ...identity, contexts: { '*': { log_median, weights } } }, samples)
      assert.ok(grid.length === 30 && isFalling(grid))
    }), 300)
})
