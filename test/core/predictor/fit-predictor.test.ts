import t from 'tap'
import fc from 'fast-check'
import { LENGTH_POWER } from '../../../src/core/predictor/feature-rows.js'
import { fitPredictor } from '../../../src/core/predictor/fit-predictor.js'
import { scorerFor, scoreStep, type Predictor } from '../../../src/core/predictor/predictor.js'
import type { Sample, SampleStep } from '../../../src/core/predictor/sample.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { plantedSamples } from './planted-samples.js'

const options = { name: 'p1', label: 'exact_match', levels: 'model,task' } as const
const fit = (samples: readonly Sample[]): Predictor => fitPredictor(samples, options)!

const small = plantedSamples(1, [
  { leaf: 'model=a,task=x', generations: 150, weights: [1, 1, 0.5, 0, 1] },
  { leaf: 'model=a,task=y', generations: 60, weights: [0, 1] },
  { leaf: 'model=b,task=y', generations: 5, weights: [3, 1] },
])

t.test('the parts of a predictor', async (t) => {
  const predictor = fit(small)
  t.match(predictor, { name: 'p1', label: 'exact_match', levels: 'model,task', trained: { generations: 215 } })
  t.strictSame(Object.keys(predictor.contexts).sort(), ['*', 'model=a', 'model=a,task=x', 'model=a,task=y', 'model=b', 'model=b,task=y'])
  t.strictSame(predictor.signals.map(({ name }) => name), ['hint', 'noise'])
  t.ok(Object.values(predictor.contexts).every(({ weights }) => weights.length === 6 && weights.every(Number.isFinite)))
  t.equal(predictor.grid.length, 120)
  t.strictSame(predictor.trained.groups, [...new Set(small.map(({ u }) => u))].sort((a, b) => a - b))
})

t.test('the fit recovers planted weights', async (t) => {
  const truth = [1, 1.5, -0.8, 0.3, 1]
  const { contexts, signals } = fit(plantedSamples(2, [{ leaf: 'model=a,task=x', generations: 8000, weights: truth }]))
  const { weights, log_median: logMedian, length_power: power } = contexts['model=a,task=x']!
  t.equal(power, LENGTH_POWER, 'the power that the weights were fitted with')
  t.ok(Math.abs(logMedian - Math.log(1000)) < 0.03)
  const plain = [...weights.slice(0, 4), weights[4]! / signals[0]!.scale]
  for (const [j, weight] of plain.entries()) t.ok(Math.abs(weight - truth[j]!) < 0.15, `${j}: ${weight} for ${truth[j]}`)
  t.ok(Math.abs(weights[5]!) < 0.1, 'noise has no weight')
})

t.test('a context with 5 generations stays near its parent, and one with 2,000 does not', async (t) => {
  const usual = Array.from({ length: 8 }, (_, i) => ({ leaf: `model=a,task=${i}`, generations: 300, weights: [2, 1] }))
  const scoreAmong = (generations: number) => {
    const predictor = fit(plantedSamples(4, [...usual, { leaf: 'model=a,task=odd', generations, weights: [-1, 1] }]))
    return scoreStep(scorerFor(predictor, 'model=a,task=odd'), 1000, 0.5, undefined)!
  }
  const scoreAt = (odds: number) => 1 / (1 + Math.exp(-odds))
  t.ok(Math.abs(scoreAmong(2000) - scoreAt(-1)) < 0.06, 'its own intercept')
  t.ok(Math.abs(scoreAmong(5) - scoreAt(2)) < 0.1, 'the intercept of the others')
})

t.test('the order of the samples does not matter, to the bit', async (t) => {
  const expected = JSON.stringify(fit(small))
  const random = mulberry32(9)
  const shuffled = small.map((sample) => ({ sample, at: random() })).sort((a, b) => a.at - b.at).map(({ sample }) => sample)
  t.equal(JSON.stringify(fit(shuffled)), expected)
  t.equal(JSON.stringify(fit([...small].reverse())), expected)
})

t.test('repeated steps change nothing, since a generation weighs 1 whatever its number of steps', async (t) => {
  const twice = small.map((sample) => ({ ...sample, steps: sample.steps.flatMap((step) => [step, step]) }))
  t.strictSame(fit(twice), fit(small))
})

t.test('a predictor that went through JSON gives the same scores to the bit', async (t) => {
  const predictor = fit(small)
  const again: Predictor = JSON.parse(JSON.stringify(predictor))
  t.strictSame(again, predictor)
  const scoresOf = (by: Predictor) => small.flatMap(({ leaf, steps }) =>
    steps.map(({ tokens, confidence, signals }) => scoreStep(scorerFor(by, leaf), tokens, confidence, signals)))
  t.strictSame(scoresOf(again), scoresOf(predictor))
})

t.test('the score rises with confidence if the losses fall with it', async (t) => {
  const scorer = scorerFor(fit(small), 'model=a,task=x')
  const confidence = fc.double({ min: 0, max: 1, noNaN: true })
  holds(t, fc.property(confidence, confidence, fc.integer({ min: 300, max: 1600 }), (a, b, tokens) => {
    const [low, high] = [Math.min(a, b), Math.max(a, b)].map((c) => scoreStep(scorer, tokens, c, undefined)!)
    return low! > 0 && high! < 1 && low! <= high!
  }))
})

t.test('too little data gives no predictor: few generations, no losses, only losses, another label', async (t) => {
  const all = (lost: 0 | 1) => small.map((sample) => ({ ...sample, steps: sample.steps.map((step) => ({ ...step, lost })) }))
  for (const samples of [[], small.slice(0, 49), all(0), all(1)]) t.equal(fitPredictor(samples, options), null)
  t.equal(fitPredictor(small, { ...options, label: 'agreement' }), null)
  t.not(fitPredictor(small.slice(0, 50), options), null)
})

t.test('degenerate data give finite weights', async (t) => {
  const change = (changed: (step: SampleStep, i: number) => Partial<SampleStep>): Sample[] =>
    small.map((sample, i) => ({ ...sample, steps: sample.steps.map((step) => ({ ...step, ...changed(step, i) })) }))
  const cases: Record<string, Sample[]> = {
    separable: change(({ confidence }) => ({ lost: confidence < 0.7 ? 1 : 0 })),
    'separable by context': change((_, i) => ({ lost: small[i]!.leaf.includes('x') ? 1 : 0 })),
    'equal confidences': change(() => ({ confidence: 0.5 })),
    'confidences of 0 and 1': change((_, i) => ({ confidence: i % 2 })),
    'equal token counts': change(() => ({ tokens: 0 })).map((sample) => ({ ...sample, tokens: 1 })),
    'not finite': change((step, i) => i % 2 === 0 ? {} : { confidence: NaN, signals: { hint: Infinity } }),
    'a signal equal to the confidence': change(({ confidence }) => ({ signals: { hint: confidence } })),
    'a signal in a single context': change((_, i) => small[i]!.leaf.includes('x') ? {} : { signals: {} }),
    '100 contexts': small.map((sample, i) => ({ ...sample, leaf: `model=${i % 10},task=${i % 100}` })),
    'only the root': small.map((sample) => ({ ...sample, leaf: '*' })),
  }
  for (const [name, samples] of Object.entries(cases)) {
    const { contexts, grid } = fit(samples)
    t.ok(Object.values(contexts).every(({ weights, log_median }) => weights.every(Number.isFinite) && Number.isFinite(log_median)), name)
    t.ok(grid.every((value, k) => value > 0 && value < 1 && (k === 0 || value < grid[k - 1]!)), name)
  }
})
