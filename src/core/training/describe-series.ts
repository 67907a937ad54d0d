import { forecastCoverage, EM_SCALE, forecastSeries, FORECAST_LEVEL, TOKENS_SCALE, type Coverage } from './forecast.js'
import { readingsOf } from './reading.js'
import type { Series, SuiteSummary } from './run.js'
import { theilSen } from './trend.js'
import { VERDICTS, type Tolerance, type Verdict } from './verdict.js'
import { verdictsOf } from './verdicts.js'
import { type PointView, isReplay, withReplays, describePoint } from './describe-point.js'

export interface TrendView {
  readonly slope: number
  readonly low: number | null
  readonly high: number | null
  readonly checkpoints: number
}

export interface ForecastView {
  readonly step: number
  readonly em: number
  readonly em_low: number | null
  readonly em_high: number | null
  readonly tokens_mean: number
  readonly tokens_low: number | null
  readonly tokens_high: number | null
}

/** A suite of a run, as in the reply to `GET /v1/training-runs/{run}`. */
export interface SuiteView {
  readonly suite: string
  readonly steps: number
  readonly replayed: number
  readonly max_em_drop: number
  /** Threshold of the newest evaluation. Trend, forecast and verdicts use evaluations under this threshold only. */
  readonly threshold: number | null
  /** Number of steps evaluated under it. */
  readonly compared: number
  readonly points: readonly PointView[]
  readonly trend: { readonly em: TrendView | null, readonly tokens: TrendView | null }
  readonly forecast: readonly ForecastView[]
  readonly coverage: { readonly level: number, readonly em: Coverage, readonly tokens: Coverage }
  readonly verdicts: ReadonlyArray<Verdict & { readonly tests: string }>
}

/** Number of checkpoints that a trend is fitted to. */
const TREND = 10

/** Describes a suite of a run. @param last number of points in the view; trend, forecast and verdicts use the older points as well */
export function describeSeries (series: Series, tolerance: Tolerance, last: number): SuiteView {
  const readings = readingsOf(series)
  const steps = readings.map(({ step }) => step)
  const em = readings.map((reading) => reading.em)
  const tokens = readings.map((reading) => reading.tokens)
  return {
    suite: series.suite,
    steps: series.points.length,
    replayed: replayedIn(series),
    max_em_drop: tolerance.max_em_drop,
    threshold: series.points.at(-1)!.attempts.at(-1)!.checkpoint.threshold ?? null,
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

function trendOf (steps: readonly number[], values: readonly number[]): TrendView | null {
  const line = theilSen(steps.slice(-TREND), values.slice(-TREND))
  if (line === null) return null
  const finite = (end: number) => Number.isFinite(end) ? end : null
  return { slope: line.slope, low: finite(line.low), high: finite(line.high), checkpoints: line.points }
}

function forecastsOf (steps: readonly number[], em: readonly number[], tokens: readonly number[]): ForecastView[] {
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
