import { forecastCoverage, EM_SCALE, forecastSeries, FORECAST_LEVEL, TOKENS_SCALE } from './forecast.js'
import { readingsOf } from './reading.js'
import type { Series, SuiteSummary } from './run.js'
import { theilSen } from './trend.js'
import { VERDICTS, type Tolerance } from './verdict.js'
import { verdictsOf } from './verdicts.js'
import { isReplay, withReplays, describePoint } from './describe-point.js'

export type SuiteView = ReturnType<typeof describeSeries>

/** Number of checkpoints that a trend is fitted to. */
const TREND = 10

/**
 * Describes a suite of a run, as in the reply to `GET /v1/training-runs/{run}`.
 * @param last number of points in the view; trend, forecast and verdicts use the older points as well
 */
export function describeSeries (series: Series, tolerance: Tolerance, last: number) {
  const readings = readingsOf(series)
  const steps = readings.map(({ step }) => step)
  const em = readings.map((reading) => reading.em)
  const tokens = readings.map((reading) => reading.tokens)
  return {
    suite: series.suite,
    steps: series.points.length,
    replayed: replayedIn(series),
    max_em_drop: tolerance.max_em_drop,
    /** Threshold of the newest evaluation. Trend, forecast and verdicts use evaluations under this threshold only. */
    threshold: series.points.at(-1)!.attempts.at(-1)!.checkpoint.threshold ?? null,
    /** Number of steps evaluated under it. */
    compared: readings.length,
    points: withReplays(series.points).slice(-last).map(describePoint),
    trend: { em: trendOf(steps, em), tokens: trendOf(steps, tokens) },
    forecast: forecastsOf(steps, em, tokens),
    coverage: { level: FORECAST_LEVEL, em: forecastCoverage(steps, em, EM_SCALE), tokens: forecastCoverage(steps, tokens, TOKENS_SCALE) },
    verdicts: verdictsOf(readings, tolerance).map((verdict) => ({ ...verdict, tests: VERDICTS[verdict.verdict] })),
  }
}

export function summariseSeries (series: Series, tolerance: Tolerance): SuiteSummary {
  const { checkpoint } = series.points.at(-1)!.attempts.at(-1)!
  const { suite, step, em, tokens_mean } = checkpoint
  const verdicts = verdictsOf(readingsOf(series), tolerance).map(({ verdict }) => verdict)
  return { suite, steps: series.points.length, replayed: replayedIn(series), step, em, tokens_mean, verdicts }
}

function replayedIn ({ points }: Series): number {
  return points.filter(isReplay).length
}

function trendOf (steps: readonly number[], values: readonly number[]) {
  const line = theilSen(steps.slice(-TREND), values.slice(-TREND))
  if (line === null) return null
  const finite = (end: number) => Number.isFinite(end) ? end : null
  return { slope: line.slope, low: finite(line.low), high: finite(line.high), checkpoints: line.points }
}

function forecastsOf (steps: readonly number[], em: readonly number[], tokens: readonly number[]) {
  const ofTokens = forecastSeries(steps, tokens, TOKENS_SCALE)
  return forecastSeries(steps, em, EM_SCALE).map(({ step, value, interval }, i) => ({
    step,
    em: value,
    em_low: interval?.low ?? null,
    em_high: interval?.high ?? null,
    tokens_mean: ofTokens[i]!.value,
    tokens_low: ofTokens[i]!.interval?.low ?? null,
    tokens_high: ofTokens[i]!.interval?.high ?? null,
  }))
}
