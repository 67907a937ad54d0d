import type { Calibration } from './predictor.js'

const BINS = 10

/** A step of a generation that its forecaster was not fitted on. */
export interface Forecast {
  /** P(EM is not lost by stopping here). */
  readonly predicted: number
  /** Raw, for comparison. */
  readonly confidence: number
  /** 1: nothing was lost. */
  readonly kept: 0 | 1
  /** Those of a generation weigh 1 together. */
  readonly weight: number
}

/**
 * How well forecasts are calibrated: bins of equal weight by what was predicted, the expected calibration error over them (Naeini, Cooper
 * & Hauskrecht 2015), the mean squared error (Brier 1950), and both for the raw confidence taken for a probability.
 * @returns `null` without any forecast
 */
export function calibrationOf (forecasts: readonly Forecast[]): Calibration | null {
  if (forecasts.length === 0) return null
  const own = binned(forecasts, ({ predicted }) => predicted)
  const raw = binned(forecasts, ({ confidence }) => confidence)
  return {
    generations: Math.round(forecasts.reduce((sum, { weight }) => sum + weight, 0)),
    steps: forecasts.length,
    brier: brier(forecasts, ({ predicted }) => predicted),
    brier_confidence: brier(forecasts, ({ confidence }) => confidence),
    ece: calibrationError(own),
    ece_confidence: calibrationError(raw),
    reliability: own,
  }
}

type Says = (forecast: Forecast) => number

function brier (forecasts: readonly Forecast[], says: Says): number {
  const all = forecasts.reduce((sum, { weight }) => sum + weight, 0)
  return forecasts.reduce((sum, forecast) => sum + forecast.weight * (says(forecast) - forecast.kept) ** 2, 0) / all
}

function binned (forecasts: readonly Forecast[], says: Says): Calibration['reliability'] {
  const all = forecasts.reduce((sum, { weight }) => sum + weight, 0)
  const bins = Array.from({ length: BINS }, () => ({ weight: 0, predicted: 0, observed: 0 }))
  let passed = 0
  for (const forecast of [...forecasts].sort((a, b) => says(a) - says(b))) {
    // by the middle of its weight, so that what rounding adds up to never opens an eleventh bin
    const bin = bins[Math.min(BINS - 1, Math.floor(BINS * (passed + forecast.weight / 2) / all))]!
    passed += forecast.weight
    bin.weight += forecast.weight
    bin.predicted += forecast.weight * says(forecast)
    bin.observed += forecast.weight * forecast.kept
  }
  return bins.filter(({ weight }) => weight > 0).map(({ weight, predicted, observed }) =>
    ({ predicted: predicted / weight, observed: observed / weight, weight: weight / all }))
}

function calibrationError (bins: Calibration['reliability']): number {
  return bins.reduce((sum, { predicted, observed, weight }) => sum + weight * Math.abs(predicted - observed), 0)
}
