import t from 'tap'
import { losslessGenerations } from '../../../src/core/certificate/certificate.js'
import { describeTrials } from '../../../src/core/views/describe-trials.js'
import { KEPT, memoryFold, policyWith } from '../learn/memory-fold.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { addPredictor } from '../learn/trial-fold.js'

t.test('trials describe the challengers of a context', async (t) => {
  const policy = policyWith({ predictor: 'auto' })
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT)
  t.same(describeTrials(fold.state(), policy, fold.predictors), [])
  addPredictor(fold, PREDICTOR)
  const needed = losslessGenerations(0.02, 0.05 / 4)
  t.strictSame(describeTrials(fold.state(), policy, fold.predictors), [{
    predictor: 'p',
    serving: false,
    ordinal: 1,
    error_level: 0.05 / 4,
    generations: 0,
    seen_in_training: 0,
    threshold: null,
    em_drop: null,
    tokens_saved_ratio: 0,
    tokens_saved_gross_ratio: 0,
    generations_to_next_certificate: needed,
  }])
  fold.learn(KEPT, 2, needed)
  const [trial] = describeTrials(fold.state(), policy, fold.predictors)
  t.match(trial, { generations: needed, threshold: Number, em_drop: 0, tokens_saved_ratio: Number })
  t.same(describeTrials(fold.state(), policyWith(), fold.predictors), [], 'predictors are off')
})
