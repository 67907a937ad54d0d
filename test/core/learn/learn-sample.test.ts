import t from 'tap'
import { applySample } from '../../../src/core/learn/learn-sample.js'
import { KEPT, LEAF, memoryFold, policyWith } from './memory-fold.js'

const outcome = { ...KEPT, steps: KEPT.steps!.map((step, place) => ({ ...step, place })), asked: 1 }

t.test('a labelled control outcome is kept for predictors where the policy trains them', async (t) => {
  const fold = memoryFold()
  applySample(fold, outcome, LEAF, policyWith({ predictor: 'auto' }))
  t.equal(fold.reservoir.takeChanges().size, 1)
})

t.test('nothing is kept where predictors are off, or the outcome has no label', async (t) => {
  const fold = memoryFold()
  applySample(fold, outcome, LEAF, policyWith({ predictor: 'off' }))
  applySample(fold, { ...outcome, full: {} }, LEAF, policyWith({ predictor: 'auto' }))
  t.equal(fold.reservoir.takeChanges().size, 0)
})
