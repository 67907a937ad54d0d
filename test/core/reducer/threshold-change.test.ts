import t from 'tap'
import { openEpoch } from '../../../src/core/contexts/context-state.js'
import { moveInForce, moveOf } from '../../../src/core/reducer/threshold-change.js'
import { policyWith } from './memory-fold.js'

const NEW = openEpoch(undefined, 'reset', policyWith(), [], { time: 0, name: '1-0' })
const TRIAL = { predictor: 'p', fingerprint: 'abc' } as (typeof NEW.trials)[number]

t.test('a move has both thresholds, and the scorers that they are for', async (t) => {
  t.strictSame(moveOf(undefined), { before: null, after: null })
  t.strictSame(moveOf({ ...NEW, threshold: 0.9 }, { ...NEW, threshold: 0.8 }), { before: 0.9, after: 0.8 })
  const served = { ...NEW, threshold: 0.7, serving: 'p', trials: [TRIAL] }
  t.strictSame(moveOf(served, NEW), { before: 0.7, after: null, before_scorer: 'p', before_fingerprint: 'abc' })
  t.strictSame(moveOf(NEW, served), { before: null, after: 0.7, after_scorer: 'p' })
})

t.test('a move between thresholds in force names predictors only', async (t) => {
  t.strictSame(moveInForce({ threshold: 0.9, scorer: null }, { threshold: null, scorer: null }), { before: 0.9, after: null })
  t.strictSame(moveInForce({ threshold: 0.9, scorer: 'p' }, { threshold: 0.8, scorer: 'q' }), { before: 0.9, after: 0.8, before_scorer: 'p', after_scorer: 'q' })
})
