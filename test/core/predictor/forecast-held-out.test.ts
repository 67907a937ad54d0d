import t from 'tap'
import { foldOf, forecastHeldOut } from '../../../src/core/predictor/forecast-held-out.js'
import { fitWeights, preprocess } from '../../../src/core/predictor/preprocessing.js'
import type { SampleStep } from '../../../src/core/predictor/sample.js'
import { usableSamples } from '../../../src/core/predictor/usable-samples.js'
import { plantedSamples } from './planted-samples.js'

t.test('folds are of equal size, even among control draws, which are all small', async (t) => {
  const counts = [0, 0, 0, 0, 0]
  for (let i = 0; i < 10_000; i++) counts[foldOf((i * 8_191) / 2 ** 32)]! += 1 // All draws are below 0.02.
  t.ok(counts.every((count) => count > 1900 && count < 2100), String(counts))
  t.equal(foldOf(0), 0)
  t.ok(foldOf(1 - 2 ** -32) < 5)
})

t.test('every step is forecast once, from other groups', async (t) => {
  const samples = usableSamples(plantedSamples(5, [{ leaf: 'task=a', generations: 200, weights: [1, 1] }]), 'exact_match')
  const frame = preprocess(samples)
  const fit = fitWeights(frame, samples)
  const forecasts = forecastHeldOut(frame, samples, fit)
  t.equal(forecasts.length, samples.reduce((sum, { steps }) => sum + steps.length, 0))
  t.ok(Math.abs(forecasts.reduce((sum, { weight }) => sum + weight, 0) - 200) < 1e-9)

  // Inverting the labels of one fold does not change its own forecasts.
  const invert = (steps: readonly SampleStep[]) => steps.map((step): SampleStep => ({ ...step, lost: step.lost === 1 ? 0 : 1 }))
  const inverted = samples.map((sample) => foldOf(sample.u) !== 2 ? sample : { ...sample, steps: invert(sample.steps) })
  const own = (list: typeof samples) => forecastHeldOut(frame, list.filter(({ u }) => foldOf(u) === 2 || foldOf(u) === 0), fit)
  const inFold = samples.filter(({ u }) => foldOf(u) === 2).reduce((sum, { steps }) => sum + steps.length, 0)
  const last = (list: typeof samples) => own(list).slice(-inFold).map(({ predicted }) => predicted)
  t.strictSame(last(inverted), last(samples))
})

t.test('a single group cannot be held out', async (t) => {
  const samples = usableSamples(plantedSamples(5, [{ leaf: '*', generations: 20, weights: [1] }]).map((sample) => ({ ...sample, u: 0.5 })), 'exact_match')
  const frame = preprocess(samples)
  t.strictSame(forecastHeldOut(frame, samples, fitWeights(frame, samples)), [])
})
