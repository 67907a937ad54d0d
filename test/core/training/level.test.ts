import t from 'tap'
import { highest, levelOf, levelsOf, lossOf } from '../../../src/core/training/level.js'
import type { Reading } from '../../../src/core/training/reading.js'

const reading = (step: number, em: number, tokens: number, stderr = 0.01): Reading =>
  ({ step, em, tokens, stderr, n: 100, truncated: null })

t.test('the EM of a level is weighted by precision', async (t) => {
  const level = levelOf([reading(1, 0.5, 10, 0.01), reading(2, 0.8, 1000, 0.02), reading(3, 0.5, 20, 0.01)], 0)
  t.match(level, { step: 2, tokens: 20 })
  t.ok(Math.abs(level.em - (0.5 * 20_000 + 0.8 * 2500) / 22_500) < 1e-12)
  t.ok(Math.abs(level.stderr - 1 / Math.sqrt(22_500)) < 1e-12)
  t.ok(levelOf([reading(1, 0.5, 10)], 0.05).stderr === 0.05, 'a larger scatter replaces the standard error')
})

t.test('the highest level is that of three consecutive checkpoints, the latest of equals', async (t) => {
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
