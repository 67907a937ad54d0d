import t from 'tap'
import { GRID } from '../../../src/core/certificate/grid.js'
import type { ContextState } from '../../../src/core/judgement/context-state.js'
import { isLearningWorthwhile } from '../../../src/core/judgement/worth-learning.js'
import { memoryFold, outcomeOf, policyWith } from '../learn/memory-fold.js'

const LAST = GRID.length - 1

/** A context in which every threshold but the loosest stops at `late` tokens of 100, and the loosest at 10, where it loses some answers. */
function stateWith (late: number, kept: number, lost: number): ContextState {
  const fold = memoryFold()
  const early = (exact_match: 0 | 1) => outcomeOf({
    steps: [{ tokens: 10, confidence: GRID[LAST]!, exact_match }, { tokens: late, confidence: 1, exact_match: 1 }],
  })
  fold.learn(early(0), 0, lost)
  fold.learn(early(1), 0, kept)
  const state = fold.state()
  const whole = Math.floor(state.threshold_index) // a lottery would be in force already
  return { ...state, threshold_index: whole, certified: whole }
}

const isWorthwhile = (state: ContextState, patch = {}) => isLearningWorthwhile(state, policyWith(patch), new Map())

t.test('learning pays as long as ds (n - m) > s m', async (t) => {
  const state = stateWith(90, 300, 1)
  t.equal(state.threshold_index, LAST - 1)
  // s = 0.1 and ds = 0.8; if nothing more is lost, the loosest needs 29.2 more: 0.8 (n - 29.2) > 0.1 * 29.2 from n = 33 on
  t.notOk(isWorthwhile({ ...state, generations: 32 }))
  t.ok(isWorthwhile({ ...state, generations: 34 }))
  const early = stateWith(20, 300, 1) // s = 0.8 and ds = 0.1: from n = 263 on
  t.notOk(isWorthwhile({ ...early, generations: 255 }))
  t.ok(isWorthwhile({ ...early, generations: 270 }))
})

t.test('losses beyond the bound do not end the learning while one standard error fewer would be inside it', async (t) => {
  t.ok(isWorthwhile({ ...stateWith(90, 300, 7), generations: 1e6 })) // 2.3 % were lost, and 1.4 % is within reach
})

t.test('a threshold that loses too much is never worth learning about, nor one that saves no more', async (t) => {
  t.notOk(isWorthwhile({ ...stateWith(90, 300, 12), generations: 1e6 }))
  t.notOk(isWorthwhile({ ...stateWith(10, 200, 0), generations: 1e6 }), 'all are certified')
})

t.test('with prices, worth is in money', async (t) => {
  const state = { ...stateWith(90, 300, 1), generations: 300 }
  t.ok(isWorthwhile(state, { value_of_em: 1e-6, price_per_1k_tokens: 1 }))
  t.notOk(isWorthwhile(state, { value_of_em: 1000, price_per_1k_tokens: 1 }), 'the answer that it loses is worth more than the tokens')
})

t.test('with prices, learning pays while it is unsure which certified threshold is best', async (t) => {
  const state = { ...stateWith(90, 300, 1), certified: LAST }
  const isUnsure = (value_of_em: number, generations: number) =>
    isWorthwhile({ ...state, generations }, { value_of_em, price_per_1k_tokens: 1 })
  // The loosest saves 80 tokens more and loses 1 of 301: a gain of 0.08 - 20/301, and a standard error of 20/301. It takes 301 (4.9^2 - 1)
  // more to be sure.
  t.notOk(isUnsure(20, 5000))
  t.ok(isUnsure(20, 100_000))
  t.notOk(isUnsure(1e-6, 100_000), 'it is surely better')
  t.notOk(isUnsure(100, 100_000), 'it does not look better')
})
