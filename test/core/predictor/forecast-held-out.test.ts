import t from 'tap'
import { foldOf, forecastHeldOut } from '../../../src/core/predictor/forecast-held-out.js'
import { fitFrame, frameOf } from '../../../src/core/predictor/frame.js'
import type { SampleStep } from '../../../src/core/predictor/sample.js'
import { usableSamples } from '../../../src/core/predictor/usable-samples.js'
import { plantedSamples } from './planted-samples.js'

t.test('folds are even also among control draws, which are small, and a group is in one', async (t) => {
  const counts = [0, 0, 0, 0, 0]
  for (let i = 0; i < 10_000; i++) counts[foldOf((i * 8_191) / 2 ** 32)]! += 1 // all below 0.02
  t.ok(counts.every((count) => count > 1900 && count < 2100), String(counts))
  t.equal(foldOf(0), 0)
  t.ok(foldOf(1 - 2 ** -32) < 5)
})

t.test('each step is forecast once, by what other groups teach', async (t) => {
  const samples = usableSamples(plantedSamples(5, [{ leaf: 'task=a', generations: 200, weights: [1, 1] }]), 'exact_match')
  const frame = frameOf(samples)
  const fit = fitFrame(frame, samples)
  const forecasts = forecastHeldOut(frame, samples, fit)
  t.equal(forecasts.length, samples.reduce((sum, { steps }) => sum + steps.length, 0))
  t.ok(Math.abs(forecasts.reduce((sum, { weight }) => sum + weight, 0) - 200) < 1e-9)

  // Turning the labels of one fold round does not move its own forecasts.
  const turn = (steps: readonly SampleStep[]) => steps.map((step): SampleStep => ({ ...step, lost: step.lost === 1 ? 0 : 1 }))
  const turned = samples.map((sample) => foldOf(sample.u) !== 2 ? sample : { ...sample, steps: turn(sample.steps) })
  const own = (list: typeof samples) => forecastHeldOut(frame, list.filter(({ u }) => foldOf(u) === 2 || foldOf(u) === 0), fit)
  const inFold = samples.filter(({ u }) => foldOf(u) === 2).reduce((sum, { steps }) => sum + steps.length, 0)
  const last = (list: typeof samples) => own(list).slice(-inFold).map(({ predicted }) => predicted)
  t.strictSame(last(turned), last(samples))
})

t.test('one group alone can\'t be held out', async (t) => {
  const samples = usableSamples(plantedSamples(5, [{ leaf: '*', generations: 20, weights: [1] }]).map((sample) => ({ ...sample, u: 0.5 })), 'exact_match')
  const frame = frameOf(samples)
  t.strictSame(forecastHeldOut(frame, samples, fitFrame(frame, samples)), [])
})
