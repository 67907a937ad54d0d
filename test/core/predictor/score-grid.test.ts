import t from 'tap'
import type { Sample } from '../../../src/core/predictor/sample.js'
import { scoreGrid } from '../../../src/core/predictor/score-grid.js'

/** The score is the confidence itself. */
const identity = {
  name: 'p', label: 'exact_match' as const, levels: 'task', signals: [], contexts: { '*': { log_median: 0, weights: [0, 1, 0, 0] } }, trained: { generations: 0, steps: 0, groups: [] },
}
const sample = (...confidences: number[]): Sample => ({
  u: 0.5, leaf: '*', label: 'exact_match', tokens: 100, steps: confidences.map((confidence, i) => ({ tokens: 100 * (i + 1) / (confidences.length + 1), confidence, lost: 0 })),
})
const isFalling = (grid: readonly number[]) => grid.every((value, k) => value > 0 && value < 1 && (k === 0 || value < grid[k - 1]!))

t.test('thirty thresholds, between which about as many tokens are saved', async (t) => {
  const samples = Array.from({ length: 300 }, (_, i) => sample((i + 0.5) / 300)) // each saves a half at its confidence
  const grid = scoreGrid(identity, samples)
  t.equal(grid.length, 30)
  t.ok(isFalling(grid))
  const passed = grid.map((threshold) => samples.filter(({ steps }) => steps[0]!.confidence >= threshold - 1e-12).length)
  for (const [k, count] of passed.entries()) t.ok(Math.abs(count - (k + 0.5) * 10) <= 1, `${count} at ${k}`)
})

t.test('a later, higher step saves less than the first', async (t) => {
  const grid = scoreGrid(identity, Array.from({ length: 100 }, () => sample(0.6, 0.9))) // a third at 0.9, one more third at 0.6
  t.equal(grid.filter((value) => value > 0.7).length, 15)
  t.ok(isFalling(grid))
})

t.test('strictly falling where all scores are one', async (t) => {
  t.ok(isFalling(scoreGrid(identity, [sample(0.5)])))
  t.ok(isFalling(scoreGrid(identity, [sample(1), sample(0)])))
  t.ok(isFalling(scoreGrid({ ...identity, contexts: { '*': { log_median: 0, weights: [900, 0, 0, 0] } } }, [sample(0.5)])), 'a score that rounds to 1')
})
