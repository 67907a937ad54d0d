import type { Calibration } from './predictor.js'

const BINS = 10

/** The prediction for a step of a generation that was held out of the fit. */
export interface HeldOutForecast {
  /** P(EM is not lost by stopping here). */
  readonly predicted: number
  /** The raw confidence, for comparison. */
  readonly confidence: number
  /** 1: stopping here lost no EM. */
  readonly kept: 0 | 1
  /** The weights of all steps of a generation sum to 1. */
  readonly weight: number
}

/**
 * Measures calibration: a reliability diagram with bins of equal weight, its expected calibration error (Naeini, Cooper & Hauskrecht 2015)
 * and the Brier score (Brier 1950). Both errors are also computed for the raw confidence, read as a probability.
 * @returns `null` if there are no forecasts
 */
export function calibrationOf (forecasts: readonly HeldOutForecast[]): Calibration | null {
  if (forecasts.length === 0) return null
  const own = reliabilityBins(forecasts, ({ predicted }) => predicted)
  const raw = reliabilityBins(forecasts, ({ confidence }) => confidence)
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

type ProbabilityOf = (forecast: HeldOutForecast) => number

function brier (forecasts: readonly HeldOutForecast[], probabilityOf: ProbabilityOf): number {
  const total = forecasts.reduce((sum, { weight }) => sum + weight, 0)
  return forecasts.reduce((sum, forecast) => sum + forecast.weight * (probabilityOf(forecast) - forecast.kept) ** 2, 0) / total
}

function reliabilityBins (forecasts: readonly HeldOutForecast[], probabilityOf: ProbabilityOf): Calibration['reliability'] {
  const total = forecasts.reduce((sum, { weight }) => sum + weight, 0)
  const bins = Array.from({ length: BINS }, () => ({ weight: 0, predicted: 0, observed: 0 }))
  let weightBefore = 0
  for (const forecast of forecasts.toSorted((a, b) => probabilityOf(a) - probabilityOf(b))) {
    // The middle of the forecast's weight decides the bin, so that rounding errors never open an eleventh one.
    const bin = bins[Math.min(BINS - 1, Math.floor(BINS * (weightBefore + forecast.weight / 2) / total))]!
    weightBefore += forecast.weight
    bin.weight += forecast.weight
    bin.predicted += forecast.weight * probabilityOf(forecast)
    bin.observed += forecast.weight * forecast.kept
  }
  return bins.filter(({ weight }) => weight > 0).map(({ weight, predicted, observed }) =>
    ({ predicted: predicted / weight, observed: observed / weight, weight: weight / total }))
}

function calibrationError (bins: Calibration['reliability']): number {
  return bins.reduce((sum, { predicted, observed, weight }) => sum + weight * Math.abs(predicted - observed), 0)
}
