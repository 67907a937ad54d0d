import t from 'tap'
import fc from 'fast-check'
import { calibrationOf, type HeldOutForecast } from '../../../src/core/predictor/calibration.js'
import { holds } from '../../property.js'

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
