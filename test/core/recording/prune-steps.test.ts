import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { stopsOf, type Em } from '../../../src/core/certificate/stops.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import type { LoggedOutcome, LoggedStep } from '../../../src/core/grading/outcome.js'
import { scoreStep } from '../../../src/core/predictor/predictor.js'
import { pruneSteps } from '../../../src/core/recording/prune-steps.js'
import { holds } from '../../property.js'
import { outcomeOf } from '../learn/memory-fold.js'

const step = fc.record({
  tokens: fc.nat({ max: 100 }),
  confidence: fc.oneof(fc.constantFrom(...GRID), fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(null)),
  exact_match: fc.constantFrom<Em>(0, 1),
})

const stopsIn = ({ tokens, steps, steps_complete: isComplete }: Pick<LoggedOutcome, 'tokens' | 'steps' | 'steps_complete'>, min: number) => {
  const scored = steps!.map((step) => ({ tokens: step.tokens, score: step.confidence, em: step.exact_match }))
  return stopsOf({ tokens, answerTokens: 0, em: 1, isComplete, steps: scored }, min)
}

t.test('the kept steps give the same stops as all steps, for every threshold and min_tokens', async (t) => {
  holds(t, fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 3 }), (steps, mins) => {
    const outcome = outcomeOf({ tokens: 100, steps: steps.sort((a, b) => a.tokens - b.tokens) })
    const thin = pruneSteps(outcome, { minTokens: mins, scorers: [], isSampled: false })
    for (const min of mins) assert.deepEqual(stopsIn(thin, min), stopsIn(outcome, min))
    assert.ok(thin.steps!.length <= GRID.length * mins.length)
    assert.equal(thin.asked, steps.length)
    for (const { place, ...kept } of thin.steps!) assert.deepEqual(kept, { ...outcome.steps![place!] })
  }))
})

t.test('the kept steps give the same stops for predictors on trial, with grids of any length', async (t) => {
  const scorer = (length: number) => ({
    name: `p${length}`, grid: Array.from({ length }, (_, k) => 0.99 - k / 100), log_median: 3, length_power: 0, weights: [0.5, -1, 0.3, 0], signals: [],
  })
  const scorers = [scorer(2), scorer(60)]
  holds(t, fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const outcome = outcomeOf({ tokens: 100, steps: steps.sort((a, b) => a.tokens - b.tokens) })
    const thin = pruneSteps(outcome, { minTokens: [10], scorers, isSampled: false })
    for (const scorer of scorers) {
      const stopsBy = (of: readonly LoggedStep[]) => stopsOf({
        tokens: 100,
        answerTokens: 0,
        em: 1,
        isComplete: true,
        steps: of.map(({ tokens, confidence, exact_match }) =>
          ({ tokens, score: scoreStep(scorer, tokens, confidence, undefined), em: exact_match })),
      }, 10, scorer.grid)
      assert.deepEqual(stopsBy(thin.steps!), stopsBy(outcome.steps!))
    }
    assert.ok(thin.steps!.length <= GRID.length + 62)
  }))
})

t.test('an outcome without steps stays without steps', async (t) => {
  t.equal(pruneSteps(outcomeOf({ steps: null }), { minTokens: [0], scorers: [], isSampled: false }).steps, null)
})
