import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import { barOf } from '../../../src/core/stats/error-budget.js'
import { certifiedNow, isLearningWorthwhile, scoredEvidence } from '../../../src/core/learn/scored-evidence.js'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { FIRST, KEPT, memoryFold, outcomeOf, policyWith, withUnaccounted } from './memory-fold.js'
import { addPredictor } from './predictor-fold.js'
import { changed } from '../../changed-state.js'

const NONE = new Map()

t.test('the bar is that of the whole level', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  const scored = scoredEvidence(fold.state(), policyWith(), NONE)
  t.match(scored, { grid: GRID, isPostHoc: false, bar: Math.log(1 / 0.05), evidence: { generations: 1 } })
  t.match(scoredEvidence(fold.state(), policyWith({ max_em_drop: 0.1 }), NONE), { isPostHoc: true, bar: Math.log(30 / 0.05) })
})

t.test('with an audited judge, a fifth of the level pays for the audit', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  t.equal(barOf(fold.state().epoch, policyWith({ judge_miss_rate: 0.1 })), Math.log(1 / (0.8 * 0.05)))
  t.equal(barOf(fold.state().epoch, policyWith({ judge_miss_rate: null, judge_gain_share: 1 })), Math.log(1 / 0.05))
})

t.test('where a predictor is the score, its grid and its evidence are tested; if it is gone, nothing is', async (t) => {
  const fold = memoryFold({ score: 'p' })
  addPredictor(fold, PREDICTOR)
  fold.learn(KEPT, 2)
  const policy = policyWith({ score: 'p' })
  const scored = scoredEvidence(fold.state(), policy, fold.predictors)
  t.match(scored, { grid: PREDICTOR.grid, bar: Math.log(1 / 0.05), evidence: { generations: 1 } })
  const nothing = { grid: { length: 0 }, evidence: { generations: 0, lost: { length: 0 } }, certified: -1 }
  t.match(scoredEvidence(fold.state(), policy, NONE), nothing)
  const other = new Map([['p', { ...PREDICTOR, contexts: { '*': PREDICTOR.contexts['*']! } }]])
  t.match(scoredEvidence(fold.state(), policy, other), nothing, 'another predictor of the same name does not inherit the evidence')
})

t.test('a certificate is not valid under a stricter bound', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  t.equal(scoredEvidence(fold.state(), policyWith(), NONE).certified, GRID.length - 1)
  t.equal(scoredEvidence(fold.state(), policyWith({ max_em_drop: 0.01 }), NONE).certified, -1)
})

t.test('E4: units that are not accounted for count as lost in the present certificate', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  const state = fold.state()
  t.equal(certifiedNow(scoredEvidence(state, policyWith(), NONE), policyWith()), GRID.length - 1)
  t.equal(certifiedNow(scoredEvidence(withUnaccounted(state, 3), policyWith(), NONE), policyWith()), -1)
})

const LAST = GRID.length - 1

/**
 * A context in which every threshold but the loosest stops at `late` tokens of 100, and the loosest at 10, where it loses some answers:
 * evenly spread, so that its evidence is never spoilt.
 */
function stateWith (late: number, kept: number, lost: number): ContextState {
  const fold = memoryFold()
  const early = (exact_match: 0 | 1) => outcomeOf({
    steps: [{ tokens: 10, confidence: GRID[LAST]!, exact_match }, { tokens: late, confidence: 1, exact_match: 1 }],
  })
  const lostUntil = (i: number) => Math.round(i * lost / (kept + lost))
  for (let i = 0; i < kept + lost; i++) fold.learn(early(lostUntil(i + 1) > lostUntil(i) ? 0 : 1))
  return fold.state()
}

const isWorthwhile = (state: ContextState, patch = {}) => isLearningWorthwhile(state, policyWith(patch), new Map())

t.test('learning pays as long as ds (n - m) > s m', async (t) => {
  const state = stateWith(90, 300, 1)
  t.equal(state.rule.index, LAST - 1)
  // s = 0.1 and ds = 0.8; if nothing more is lost, the loosest needs 29.2 more: 0.8 (n - 29.2) > 0.1 * 29.2 from n = 33 on
  t.notOk(isWorthwhile(changed(state, { reports: { generations: 32 } })))
  t.ok(isWorthwhile(changed(state, { reports: { generations: 34 } })))
  const early = stateWith(20, 300, 1) // s = 0.8 and ds = 0.1: from n = 263 on
  t.notOk(isWorthwhile(changed(early, { reports: { generations: 260 } })))
  t.ok(isWorthwhile(changed(early, { reports: { generations: 266 } })))
})

t.test('a loss rate above the bound does not end learning while the bound is within one standard error', async (t) => {
  t.ok(isWorthwhile(changed(stateWith(90, 300, 7), { reports: { generations: 1e6 } }))) // 2.3 % were lost; one standard error less is 1.4 %
})

t.test('a threshold that loses too much, or saves no more, is never worth learning about', async (t) => {
  t.notOk(isWorthwhile(changed(stateWith(90, 300, 12), { reports: { generations: 1e6 } })))
  t.notOk(isWorthwhile(changed(stateWith(10, 200, 0), { reports: { generations: 1e6 } })), 'all are certified')
})
