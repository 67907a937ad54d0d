import { type Checkpoint, sameThreshold } from './checkpoint.js'
import { EM_SCALE, FORECAST_LEVEL, forecastCoverage, forecastSeries, theilSen, TOKENS_SCALE } from './forecast.js'
import { emInterval, readingsOf, tokensInterval } from './readings.js'
import { type Series, type SeriesPoint, type SuiteSummary, type Tolerance, VERDICTS } from './run.js'
import { verdictsOf } from './verdicts.js'

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
    trend: { em: trendOf(steps, em), tokens: trendOf(steps, tokens), em_per_percent_of_tokens: trendOf(tokens.map(percentScale), em) },
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

/** A scale on which one percent more tokens is 1. */
function percentScale (tokens: number): number { return Math.log(Math.max(tokens, 1)) / Math.log(1.01) }

function trendOf (places: readonly number[], values: readonly number[]) {
  const line = theilSen(places.slice(-TREND), values.slice(-TREND))
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

/** Whether a step was reported before with other figures under the same threshold. */
function isReplay ({ attempts }: SeriesPoint): boolean {
  return attempts.slice(0, -1).some(({ checkpoint }) => sameThreshold(checkpoint, attempts.at(-1)!.checkpoint))
}

interface Placed {
  readonly point: SeriesPoint
  /** A lower step was replayed after this one was reported, so this one may belong to a branch that the job has abandoned. */
  readonly predates_replay: boolean
}

/** Marks the points that predate a replay of a lower step, in one pass, since there may be a thousand points. */
function withReplays (points: readonly SeriesPoint[]): Placed[] {
  let replayed = -Infinity
  return points.map((point) => {
    const received = point.attempts.at(-1)!.received_at
    const placed = { point, predates_replay: replayed > received }
    if (isReplay(point)) replayed = Math.max(replayed, received)
    return placed
  })
}

function describePoint ({ point, predates_replay }: Placed) {
  const { attempts } = point
  const { checkpoint, received_at } = attempts.at(-1)!
  const { suite: _, at = null, ...figures } = checkpoint
  return {
    ...figures,
    ...intervalsOf(checkpoint),
    at,
    received_at,
    is_replay: isReplay(point),
    /** Earlier reports of the step, oldest first. */
    earlier_attempts: attempts.slice(0, -1).map((attempt) => attempt.checkpoint),
    predates_replay,
  }
}

/** `tokens_low` and `tokens_high` are `null` if no percentiles were reported. */
function intervalsOf (checkpoint: Checkpoint) {
  const em = emInterval(checkpoint)
  const tokens = tokensInterval(checkpoint)
  return { em_low: em.low, em_high: em.high, tokens_low: tokens?.low ?? null, tokens_high: tokens?.high ?? null }
}
