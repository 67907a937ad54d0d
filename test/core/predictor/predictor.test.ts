import t from 'tap'
import fc from 'fast-check'
import { logOdds, scorerFor, scoreStep, type Predictor } from '../../../src/core/predictor/predictor.js'
import { holds } from '../../property.js'

const predictor: Predictor = {
  name: 'p1',
  label: 'exact_match',
  levels: 'model,task',
  signals: [{ name: 'entropy', mean: 0.5, scale: 2 }],
  contexts: {
    '*': { log_median: Math.log(100), weights: [0, 1, 0, 0, 0] },
    'model=a': { log_median: Math.log(200), weights: [1, 2, 3, 4, 5] },
  },
  grid: [0.9, 0.5],
  trained: { generations: 0, steps: 0, groups: [] },
}

t.test('a context scores by its nearest ancestor', async (t) => {
  t.equal(scorerFor(predictor, 'model=a,task=x').log_median, Math.log(200))
  t.equal(scorerFor(predictor, 'model=b,task=x').log_median, Math.log(100))
  t.match(scorerFor(predictor, '*'), { name: 'p1', grid: [0.9, 0.5], weights: [0, 1, 0, 0, 0] })
})

t.test('the formula, worked by hand', async (t) => {
  const odds = Math.log(3) // of 0.75
  const long = Math.log(2) // 400 tokens where 200 are usual
  const z = 1 + 2 * odds + 3 * long + 4 * odds * long + 5 * (1.5 - 0.5) / 2
  const score = scoreStep(scorerFor(predictor, 'model=a'), 400, 0.75, { entropy: 1.5, other: 7 })!
  t.ok(Math.abs(score - 1 / (1 + Math.exp(-z))) < 1e-12)
  t.equal(scoreStep(scorerFor(predictor, 'model=a'), 400, 0.75, {}), scoreStep(scorerFor(predictor, 'model=a'), 400, 0.75, { entropy: 0.5 }), 'absent: the mean')
  t.equal(scoreStep(scorerFor(predictor, '*'), 400, null, undefined), null)
})

t.test('0 and 1, and no tokens at all, are numbers like any other', async (t) => {
  t.equal(logOdds(1), 12)
  t.equal(logOdds(0), -12)
  const number = fc.double({ min: 0, max: 1, noNaN: true })
  holds(t, fc.property(number, fc.nat(), (confidence, tokens) => {
    const score = scoreStep(scorerFor(predictor, '*'), tokens, confidence, undefined)!
    return score > 0 && score < 1
  }))
})
