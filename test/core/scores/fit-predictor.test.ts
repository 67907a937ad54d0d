import fc from 'fast-check'
import t from 'tap'
import { LENGTH_POWER } from '../../../src/core/scores/features.js'
import {
  calibrationOf, contextWeights, fitPredictor, fitWeights, foldOf, foldsOf, forecastsOf, type HeldOutForecast, preprocess, scoreHeldOut,
} from '../../../src/core/scores/fit-predictor.js'
import { type Predictor, scorerFor } from '../../../src/core/scores/predictor.js'
import { scoreStep } from '../../../src/core/decide/scorer.js'
import { type Sample, type SampleStep, usableSamples } from '../../../src/core/scores/sample.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { plantedSamples } from './planted-samples.js'

const forecast = (predicted: number, kept: 0 | 1, weight = 1): HeldOutForecast => ({ predicted, confidence: 0.5, kept, weight })
const close = (a: number, b: number) => Math.abs(a - b) < 1e-12

t.test('an example worked by hand', async (t) => {
  const calibration = calibrationOf([forecast(0.9, 1), forecast(0.8, 0, 0.5), forecast(0.6, 1, 0.5)])!
  t.match(calibration, { generations: 2, steps: 3 })
  t.ok(close(calibration.brier, (0.1 ** 2 + 0.5 * 0.8 ** 2 + 0.5 * 0.4 ** 2) / 2))
  t.ok(close(calibration.brier_confidence, 0.25))
  t.ok(close(calibration.ece, (0.1 + 0.5 * 0.8 + 0.5 * 0.4) / 2), 'every forecast has its own bin')
  t.strictSame(calibration.reliability, [
    { predicted: 0.6, observed: 1, weight: 0.25 },
    { predicted: 0.8, observed: 0, weight: 0.25 },
    { predicted: 0.9, observed: 1, weight: 0.5 },
  ])
})

t.test('the reliability diagram has ten bins of equal weight, lowest first', async (t) => {
  const { reliability } = calibrationOf(Array.from({ length: 1000 }, (_, i) => forecast(((i * 7) % 1000) / 1000, 1)))!
  t.equal(reliability.length, 10)
  t.ok(reliability.every(({ predicted, weight }, i) => close(weight, 0.1) && Math.abs(predicted - (i + 0.495) / 10) < 1e-9))
})

t.test('accurate forecasts have a small calibration error, and all errors lie between 0 and 1', async (t) => {
  const { ece } = calibrationOf(Array.from({ length: 100 }, (_, i) => forecast(0.75, i % 4 === 0 ? 0 : 1)))!
  t.ok(ece < 0.06)
  const any = fc.record({
    predicted: fc.double({ min: 0, max: 1, noNaN: true }), kept: fc.constantFrom<0 | 1>(0, 1), weight: fc.constantFrom(0.25, 0.5, 1),
  })
  holds(t, fc.property(fc.array(any, { minLength: 1, maxLength: 60 }), (forecasts) => {
    const { brier, ece, reliability } = calibrationOf(forecasts.map((one) => ({ ...one, confidence: 0.5 })))!
    const weight = reliability.reduce((sum, bin) => sum + bin.weight, 0)
    return brier >= 0 && brier <= 1 && ece >= 0 && ece <= 1 + 1e-12 && Math.abs(weight - 1) < 1e-9 && reliability.length <= 10
  }))
})

t.test('there is no calibration without forecasts', async (t) => {
  t.equal(calibrationOf([]), null)
})

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
  t.equal(predictor.grid.length, 30)
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

t.test('folds are of equal size, even among control draws, which are all small', async (t) => {
  const counts = [0, 0, 0, 0, 0]
  for (let i = 0; i < 10_000; i++) counts[foldOf((i * 8_191) / 2 ** 32)]! += 1 // All draws are below 0.02.
  t.ok(counts.every((count) => count > 1900 && count < 2100), String(counts))
  t.equal(foldOf(0), 0)
  t.ok(foldOf(1 - 2 ** -32) < 5)
})

t.test('no group is in the training data of its own fold, and each is held out once', async (t) => {
  const sample = fc.record({ u: fc.integer({ min: 0, max: 40 }).map((group) => group * 8_191 / 2 ** 32) })
  holds(t, fc.property(fc.array(sample, { maxLength: 60 }), (samples) => {
    const folds = foldsOf(samples)
    const isApart = folds.every(({ held, training }) => {
      const trained = new Set(training.map(({ u }) => u))
      return held.length + training.length === samples.length && held.every(({ u }) => !trained.has(u))
    })
    const heldOut = folds.flatMap(({ held }) => held)
    return isApart && new Set(heldOut).size === heldOut.length && (folds.length === 0 || heldOut.length === samples.length)
  }))
})

t.test('every step is forecast once, from other groups', async (t) => {
  const samples = usableSamples(plantedSamples(5, [{ leaf: 'task=a', generations: 200, weights: [1, 1] }]), 'exact_match')
  const frame = preprocess(samples)
  const fit = fitWeights(frame, samples)
  const forecasts = scoreHeldOut(frame, samples, fit).flatMap(forecastsOf)
  t.equal(forecasts.length, samples.reduce((sum, { steps }) => sum + steps.length, 0))
  t.ok(Math.abs(forecasts.reduce((sum, { weight }) => sum + weight, 0) - 200) < 1e-9)

  // Inverting the labels of one fold does not change its own forecasts.
  const invert = (steps: readonly SampleStep[]) => steps.map((step): SampleStep => ({ ...step, lost: step.lost === 1 ? 0 : 1 }))
  const inverted = samples.map((sample) => foldOf(sample.u) !== 2 ? sample : { ...sample, steps: invert(sample.steps) })
  const own = (list: typeof samples) =>
    scoreHeldOut(frame, list.filter(({ u }) => foldOf(u) === 2 || foldOf(u) === 0), fit).flatMap(forecastsOf)
  const inFold = samples.filter(({ u }) => foldOf(u) === 2).reduce((sum, { steps }) => sum + steps.length, 0)
  const last = (list: typeof samples) => own(list).slice(-inFold).map(({ predicted }) => predicted)
  t.strictSame(last(inverted), last(samples))
})

t.test('a single group cannot be held out', async (t) => {
  const samples = usableSamples(plantedSamples(5, [{ leaf: '*', generations: 20, weights: [1] }]).map((sample) => ({ ...sample, u: 0.5 })), 'exact_match')
  const frame = preprocess(samples)
  t.strictSame(scoreHeldOut(frame, samples, fitWeights(frame, samples)), [])
})

const samples = usableSamples(plantedSamples(6, [
  { leaf: 'task=a', generations: 300, weights: [2, 1] }, { leaf: 'task=b', generations: 300, weights: [-1, 1] },
]), 'exact_match')

t.test('every context of the tree gets weights, even from samples that leave one out', async (t) => {
  const frame = preprocess(samples)
  const scoreIn = (of: typeof samples, key: string) => {
    const contexts = contextWeights(frame, fitWeights(frame, of))
    t.strictSame(Object.keys(contexts), ['*', 'task=a', 'task=b'])
    return scoreStep({ name: '', grid: [], signals: frame.signals, length_power: 0, ...contexts[key]! }, 1000, 0.5, undefined)!
  }
  t.ok(scoreIn(samples, 'task=a') - scoreIn(samples, 'task=b') > 0.4)
  const onlyA = samples.filter(({ leaf }) => leaf === 'task=a')
  t.ok(Math.abs(scoreIn(onlyA, 'task=b') - scoreIn(onlyA, '*')) < 0.05, 'a context without samples scores as its parent')
})
