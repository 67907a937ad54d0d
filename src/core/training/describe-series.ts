import { sameThreshold, type Checkpoint } from './checkpoint.js'
import { coverage, EM_SCALE, forecast, FORECAST_LEVEL, TOKENS_SCALE, type Coverage } from './forecast.js'
import { emInterval, readingsOf, tokensInterval } from './reading.js'
import type { Point, Series, SuiteSummary } from './run.js'
import { theilSen } from './trend.js'
import { VERDICTS, type Tolerance, type Verdict } from './verdict.js'
import { verdictsOf } from './verdicts.js'

export interface PointView extends Omit<Checkpoint, 'suite' | 'at'> {
  readonly em_low: number
  readonly em_high: number
  /** `null` without percentiles. */
  readonly tokens_low: number | null
  readonly tokens_high: number | null
  readonly at: string | null
  /** ms. */
  readonly received_at: number
  /** Evaluated alike, it had other figures before. */
  readonly is_replay: boolean
  /** All that was reported before, oldest first. */
  readonly earlier_attempts: readonly Checkpoint[]
  /** A lower step was reported anew after it: it may be of a branch that the job has left. */
  readonly predates_replay: boolean
}

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

/** A suite of a run as `GET /v1/training-runs/{run}` shows it. */
export interface SuiteView {
  readonly suite: string
  readonly steps: number
  readonly replayed: number
  readonly max_em_drop: number
  /** Under which those were evaluated that are reckoned with, and how many they are. */
  readonly threshold: number | null
  readonly compared: number
  readonly points: readonly PointView[]
  readonly trend: { readonly em: TrendView | null, readonly tokens: TrendView | null }
  readonly forecast: readonly ForecastView[]
  readonly coverage: { readonly level: number, readonly em: Coverage, readonly tokens: Coverage }
  readonly verdicts: ReadonlyArray<Verdict & { readonly tests: string }>
}

/** Checkpoints that a trend is made of. */
const TREND = 10

/** @param last points to show; all evaluated as the newest are reckoned with */
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
    coverage: { level: FORECAST_LEVEL, em: coverage(steps, em, EM_SCALE), tokens: coverage(steps, tokens, TOKENS_SCALE) },
    verdicts: verdictsOf(readings, tolerance).map((verdict) => ({ ...verdict, tests: VERDICTS[verdict.verdict] })),
  }
}

export function summarise (series: Series, tolerance: Tolerance): SuiteSummary {
  const { checkpoint } = series.points.at(-1)!.attempts.at(-1)!
  const { suite, step, em, tokens_mean } = checkpoint
  const verdicts = verdictsOf(readingsOf(series), tolerance).map(({ verdict }) => verdict)
  return { suite, steps: series.points.length, replayed: replayedIn(series), step, em, tokens_mean, verdicts }
}

function replayedIn ({ points }: Series): number {
  return points.filter(isReplay).length
}

/** Stopped early is no replay of in full. */
function isReplay ({ attempts }: Point): boolean {
  return attempts.slice(0, -1).some(({ checkpoint }) => sameThreshold(checkpoint, attempts.at(-1)!.checkpoint))
}

interface Placed { readonly point: Point, readonly predates_replay: boolean }

/** Points with what the lower steps say of them: in one pass, as there may be a thousand. */
function withReplays (points: readonly Point[]): Placed[] {
  let replayed = -Infinity
  return points.map((point) => {
    const received = point.attempts.at(-1)!.received_at
    const placed = { point, predates_replay: replayed > received }
    if (isReplay(point)) replayed = Math.max(replayed, received)
    return placed
  })
}

function describePoint ({ point, predates_replay }: Placed): PointView {
  const { attempts } = point
  const { checkpoint, received_at } = attempts.at(-1)!
  const { suite: _, at = null, ...figures } = checkpoint
  return {
    ...figures,
    ...intervalsOf(checkpoint),
    at,
    received_at,
    is_replay: isReplay(point),
    earlier_attempts: attempts.slice(0, -1).map((attempt) => attempt.checkpoint),
    predates_replay,
  }
}

export function intervalsOf (checkpoint: Checkpoint): Pick<PointView, 'em_low' | 'em_high' | 'tokens_low' | 'tokens_high'> {
  const em = emInterval(checkpoint)
  const tokens = tokensInterval(checkpoint)
  return { em_low: em.low, em_high: em.high, tokens_low: tokens?.low ?? null, tokens_high: tokens?.high ?? null }
}

function trendOf (steps: readonly number[], values: readonly number[]): TrendView | null {
  const line = theilSen(steps.slice(-TREND), values.slice(-TREND))
  if (line === null) return null
  const finite = (end: number) => Number.isFinite(end) ? end : null
  return { slope: line.slope, low: finite(line.low), high: finite(line.high), checkpoints: line.points }
}

function forecastsOf (steps: readonly number[], em: readonly number[], tokens: readonly number[]): ForecastView[] {
  const ofTokens = forecast(steps, tokens, TOKENS_SCALE)
  return forecast(steps, em, EM_SCALE).map(({ step, value, interval }, i) => ({
    step,
    em: value,
    em_low: interval?.low ?? null,
    em_high: interval?.high ?? null,
    tokens_mean: ofTokens[i]!.value,
    tokens_low: ofTokens[i]!.interval?.low ?? null,
    tokens_high: ofTokens[i]!.interval?.high ?? null,
  }))
}
