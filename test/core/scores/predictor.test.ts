import fc from 'fast-check'
import t from 'tap'
import { logOdds, relativeLength, scoreStep } from '../../../src/core/decide/scorer.js'
import { predictorProblem, scorerFor } from '../../../src/core/scores/predictor.js'
import { holds } from '../../property.js'
import { PREDICTOR } from '../decide/snapshot-of.js'

const levels = ['model', 'task']
const gridOf = (length: number) => Array.from({ length }, (_, k) => 0.99 - k / 40)

t.test('a valid predictor has no problem', async (t) => {
  t.equal(predictorProblem(PREDICTOR, levels), null)
  for (const length of [2, 20, 30]) t.equal(predictorProblem({ ...PREDICTOR, grid: gridOf(length) }, levels), null, `${length} thresholds`)
})

t.test('the problem of an invalid predictor states its place and the remedy', async (t) => {
  const { '*': root, ...others } = PREDICTOR.contexts
  const bad: Array<[Partial<typeof PREDICTOR>, string, RegExp]> = [
    [{ name: 'confidence' }, '/name', /reserved/],
    [{ name: 'auto-300' }, '/name', /reserved/],
    [{ levels: 'task' }, '/levels', /must be "model,task"/],
    [{ contexts: others }, '/contexts', /must contain the root context/],
    [{ contexts: { '*': root!, 'task=x': root! } }, '/contexts/task=x', /context key/],
    [{ contexts: { '*': { log_median: 1, weights: [1, 2, 3, 4] } } }, '/contexts/*/weights', /must be 5 numbers/],
    [{ signals: [PREDICTOR.signals[0]!, PREDICTOR.signals[0]!], contexts: { '*': { log_median: 1, weights: [1, 2, 3, 4, 5, 6] } } }, '/signals', /once/],
    [{ grid: PREDICTOR.grid.toReversed() }, '/grid', /each below the one before/],
    [{ grid: [0.5, 0.5] }, '/grid', /each below the one before/],
    [{ grid: gridOf(1) }, '/grid', /2 to 30 thresholds/],
    [{ grid: gridOf(31) }, '/grid', /2 to 30 thresholds/],
  ]
  for (const [change, path, message] of bad) t.match(predictorProblem({ ...PREDICTOR, ...change }, levels), { path, message }, path)
})

t.test('the score is the logistic function of the features, worked by hand', async (t) => {
  const scorer = scorerFor(PREDICTOR, 'model=r,task=x')
  // 1 + ln(0.8/0.2) + 0.5 ln(50/100) + 0.1 ln(4) ln(0.5) - 0.6 (0.25 - 0.5)/0.25
  const z = 1 + Math.log(4) + 0.5 * Math.log(0.5) + 0.1 * Math.log(4) * Math.log(0.5) + 0.6
  t.ok(Math.abs(scoreStep(scorer, 50, 0.8, { entropy: 0.25, unknown: 7 })! - 1 / (1 + Math.exp(-z))) < 1e-12)
  t.equal(scoreStep(scorer, 50, null, { entropy: 0.25 }), null)
  t.equal(scoreStep(scorer, 50, 0.8, {}), scoreStep(scorer, 50, 0.8, { entropy: 0.5 }), 'an absent signal counts as its mean')
})

t.test('the length is transformed by its power, or by the logarithm if none is stated', async (t) => {
  const log_median = Math.log(100)
  const near = (value: number, expected: number) => t.ok(Math.abs(value - expected) < 1e-9, `${value}`)
  near(relativeLength(25, { log_median, length_power: 0.5 }), 2 * (0.5 - 1))
  near(relativeLength(400, { log_median, length_power: 0.5 }), 2)
  near(relativeLength(400, { log_median, length_power: 1 }), 3)
  near(relativeLength(400, { log_median, length_power: 0 }), Math.log(4))
  t.equal(scorerFor(PREDICTOR, '*').length_power, 0)
  t.ok(Math.abs(relativeLength(400, { log_median, length_power: 1e-6 }) - Math.log(4)) < 1e-5, 'the limit')
  near(relativeLength(400, { log_median, length_power: 1e-20 }), Math.log(4))
  t.equal(relativeLength(0, { log_median, length_power: 1 }), relativeLength(1, { log_median, length_power: 1 }))
  near(relativeLength(1e9, { log_median, length_power: 0.5 }), 2 * (10 - 1))
  near(relativeLength(1e9, { log_median, length_power: 0 }), Math.log(1e7))
  // 0.5 + 0.4 ln(0.8/0.2) + 0.5 * 2 (sqrt(50/200) - 1)
  t.ok(Math.abs(scoreStep(scorerFor(PREDICTOR, 'model=q'), 50, 0.8, {})! - 1 / (1 + Math.exp(-(0.5 + 0.4 * Math.log(4) - 0.5)))) < 1e-12)
})

t.test('a context that is not listed uses its nearest listed ancestor', async (t) => {
  t.equal(scorerFor(PREDICTOR, 'model=q,task=x').weights, PREDICTOR.contexts['model=q']!.weights)
  t.equal(scorerFor(PREDICTOR, 'model=r,task=x').weights, PREDICTOR.contexts['*']!.weights)
  t.equal(scorerFor(PREDICTOR, '*').weights, PREDICTOR.contexts['*']!.weights)
})

t.test('the score lies between 0 and 1 for any step', async (t) => {
  const wild = fc.double({ noNaN: true })
  holds(t, fc.property(fc.nat(1e9), fc.double({ min: 0, max: 1, noNaN: true }), wild, (tokens, confidence, entropy) => {
    const score = scoreStep(scorerFor(PREDICTOR, '*'), tokens, confidence, { entropy })!
    return score >= 0 && score <= 1
  }))
  t.equal(logOdds(0), -logOdds(1))
  t.ok(Number.isFinite(logOdds(1)))
})

t.test('an inherited property is not a signal, and weights that give NaN give no score', async (t) => {
  const named = { ...PREDICTOR, signals: [{ name: 'constructor', mean: 0, scale: 1 }] }
  const scorer = scorerFor(named, '*')
  t.equal(scoreStep(scorer, 50, 0.8, {}), scoreStep(scorer, 50, 0.8, undefined))
  t.equal(scoreStep({ ...scorer, weights: [0, 1e308 * 10, -1e308 * 10, 0, 0] }, 500, 0.8, {}), null)
})
