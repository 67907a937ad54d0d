import t from 'tap'
import { BASE_FEATURES, featureRows, featureScale, LENGTH_POWER, plainWeights } from '../../../src/core/predictor/feature-rows.js'
import { scoreStep } from '../../../src/core/predictor/predictor.js'
import { plantedSamples } from './planted-samples.js'

const logMedian = Math.log(900)
const samples = plantedSamples(3, [{ leaf: 'task=a', generations: 20, weights: [1, 1] }]).map((sample) => ({ ...sample, weight: 1 }))
const scale = featureScale(samples, new Map([['task=a', logMedian]]))
const signals = [{ name: 'absent', mean: 3, scale: 2 }, { name: 'hint', mean: 0.5, scale: 4 }]

t.test('every step is a row, the weights of a generation sum to 1, and features are standardised', async (t) => {
  const { x, y, weight } = featureRows(samples, logMedian, signals, scale)
  const p = BASE_FEATURES + signals.length
  t.equal(y.length, 80)
  t.equal(x.length, 80 * p)
  t.ok(weight.every((each) => each === 0.25))
  t.strictSame([...y], samples.flatMap(({ steps }) => steps.map(({ lost }) => 1 - lost)))
  for (const j of [1, 2]) {
    const column = Array.from(y, (_, row) => x[row * p + j]!)
    t.ok(Math.abs(column.reduce((sum, value) => sum + value, 0)) < 1e-9)
    t.ok(Math.abs(column.reduce((sum, value) => sum + value * value, 0) / 80 - 1) < 1e-9)
  }
  t.ok(Array.from(y, (_, row) => x[row * p + 4]).every((value) => value === 0), 'an absent signal counts as its mean')
})

t.test('plain weights give the same scores as standardised ones', async (t) => {
  const { x, y } = featureRows(samples, logMedian, signals, scale)
  const weights = Float64Array.of(0.3, 1.2, -0.4, 0.25, 2, -0.7)
  const scorer = { name: 'p', grid: [], log_median: logMedian, length_power: LENGTH_POWER, signals, weights: plainWeights(weights, scale) }
  const scores = samples.flatMap(({ steps }) => steps.map((step) => scoreStep(scorer, step.tokens, step.confidence, step.signals)!))
  for (let row = 0; row < y.length; row++) {
    const z = weights.reduce((sum, weight, j) => sum + weight * x[row * weights.length + j]!, 0)
    if (Math.abs(scores[row]! - 1 / (1 + Math.exp(-z))) > 1e-12) t.fail(`row ${row}`)
  }
  t.pass()
})

t.test('an outlying signal is clamped in fitting as in scoring', async (t) => {
  const wild = [{ ...samples[0]!, steps: [{ tokens: 5, confidence: 0.5, signals: { hint: 1e6 }, lost: 0 as const }] }]
  t.strictSame([...featureRows(wild, logMedian, signals, scale).x.slice(BASE_FEATURES)], [0, 8])
})

t.test('constant features keep a scale of 1', async (t) => {
  const one = [{ weight: 1, u: 0, leaf: '*', label: 'exact_match' as const, tokens: 5, steps: [{ tokens: 5, confidence: 0.5, lost: 0 as const }] }]
  t.strictSame(featureScale(one, new Map([['*', 0]])), { odds: { mean: 0, scale: 1 }, length: { mean: Math.expm1(LENGTH_POWER * Math.log(5)) / LENGTH_POWER, scale: 1 } })
})
