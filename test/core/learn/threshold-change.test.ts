import t from 'tap'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { moveInForce, moveOf } from '../../../src/core/learn/threshold-change.js'
import { policyWith } from './memory-fold.js'
import { changed } from '../../changed-state.js'

const NEW = openEpoch(undefined, { cause: 'reset', policy: policyWith(), levels: [], time: 0, name: '1-0' })

t.test('a move has both thresholds, and the scorers that they are for', async (t) => {
  t.strictSame(moveOf(undefined), { before: null, after: null })
  t.strictSame(moveOf(changed(NEW, { rule: { threshold: 0.9 } }), changed(NEW, { rule: { threshold: 0.8 } })), { before: 0.9, after: 0.8 })
  const served = changed(NEW, { rule: { threshold: 0.7 }, epoch: { meaning: { ...NEW.epoch.meaning, score: 'p' } } })
  t.strictSame(moveOf(served, NEW), { before: 0.7, after: null, before_scorer: 'p' })
  t.strictSame(moveOf(NEW, served), { before: null, after: 0.7, after_scorer: 'p' })
})

t.test('a move between thresholds in force names predictors only', async (t) => {
  const inForce = (threshold: number | null, score: string) => ({ threshold, source: { policy: { score } } })
  t.strictSame(moveInForce(inForce(0.9, 'confidence'), inForce(null, 'p')), { before: 0.9, after: null })
  t.strictSame(moveInForce(inForce(0.9, 'p'), inForce(0.8, 'q')), { before: 0.9, after: 0.8, before_scorer: 'p', after_scorer: 'q' })
})
