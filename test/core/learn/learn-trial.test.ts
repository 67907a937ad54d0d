import t from 'tap'
import { learnTrial, tracedBy } from '../../../src/core/learn/learn-trial.js'
import { KEPT, LEAF, memoryFold, outcomeOf, policyWith } from './memory-fold.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { addPredictor, BY_SIGNAL, early } from './trial-fold.js'

const trace = { tokens: 100, answerTokens: 0, em: 1, steps: [{ tokens: 40, score: 1, em: 1 }], isComplete: true } as const
const arrival = (u: number, time = 5) => ({ outcome: outcomeOf({ u }), leaf: LEAF, time, arm: 'control' as const, comparedAt: null, isOfAnotherShare: false })
const trained = { ...PREDICTOR, trained: { ...PREDICTOR.trained, groups: [0.25, 0.5] } }

function trialOf () {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT)
  addPredictor(fold, trained, 5)
  return { fold, trial: fold.state().trials[0]! }
}

t.test('a group that it was trained on is set aside, and seen', async (t) => {
  const { fold, trial } = trialOf()
  const policy = policyWith({ predictor: 'auto' })
  t.match(learnTrial(fold, trial, arrival(0.5), trace, policy), { trained_on: 1, halves: [{ generations: 0 }, {}] })
  t.match(learnTrial(fold, trial, arrival(0.51), trace, policy), { trained_on: 0, halves: [{ generations: 1 }, {}] })
  t.equal(learnTrial(fold, trial, arrival(0.51, 4), trace, policy), trial, 'it arrived before the trial began')
  fold.predictors.set('p', { ...trained, grid: trained.grid.with(29, 0.01) })
  t.equal(learnTrial(fold, trial, arrival(0.51), trace, policy), trial, 'another has its name')
  fold.predictors.clear()
  t.equal(learnTrial(fold, trial, arrival(0.51), trace, policy), trial)
})

t.test('the trace as the predictor scores it', async (t) => {
  t.match(tracedBy(trained, arrival(0.1), trace), { grid: trained.grid, trace: { em: 1, steps: [{ tokens: 40, em: 1, score: Number }] } })
  t.equal(tracedBy(trained, arrival(0.25), trace), null)
  t.equal(tracedBy(undefined, arrival(0.1), trace), null)
})

t.test('one that waits was kept without the steps that only a later predictor would stop at, so it is none of its evidence', async (t) => {
  const fold = memoryFold({ predictor: 'auto' }, { label_wait_seconds: 10 })
  fold.learn(early({ generation_id: 'first' }), 1)
  fold.learn(early({ generation_id: 'waits', full: {} }), 5)
  addPredictor(fold, BY_SIGNAL, 5)
  fold.learn(early({ generation_id: 'later', full: {} }), 5)
  fold.learn({ type: 'label', generation_id: 'waits', em: 1 }, 6)
  fold.learn({ type: 'label', generation_id: 'later', em: 1 }, 6)
  t.match(fold.state(), { labelled: 3, trials: [{ since: 5, halves: [{ generations: 0 }, {}] }] }, 'of one ms nobody knows which came first')
  fold.learn(early({ generation_id: 'after', full: {} }), 6)
  fold.learn({ type: 'label', generation_id: 'after', em: 1 }, 7)
  t.match(fold.state().trials, [{ halves: [{ generations: 1 }, {}] }])
})
