import t from 'tap'
import { learnTrial, tracedBy } from '../../src/core/learn-trial.js'
import { KEPT, LEAF, memoryFold, outcomeOf, policyWith } from './memory-fold.js'
import { PREDICTOR } from './snapshot-of.js'
import { addPredictor } from './trial-fold.js'

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
