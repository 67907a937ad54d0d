import { emDrop, type Evidence, tokensSaved, tokensSavedRatio } from '../stats/evidence.js'
import { lossScale, trueDrop } from '../stats/judge-errors.js'
import type { Policy } from '../policy/policy.js'
import { curvePoints, type Segment, segmentsOf, type ThresholdEvidence } from './curve.js'
import { type Forecastable, outlookOf, type Pace } from './outlook.js'

/** Suspicion of drift from which on thresholds may become stricter. At constant rates no certified threshold is lost. */
const SUSPICIOUS = 2

export type TradeoffView = ReturnType<typeof describeTradeoff>

/** Describes the trade-off between EM and tokens: its curve, knee and forecast. Times are in ms. */
export function describeTradeoff (thresholds: ThresholdEvidence & Forecastable, policy: Policy, pace: Pace) {
  const { score, accounted: evidence, grid, index, suspicion } = thresholds
  const { generations } = evidence
  const segments = segmentsOf(evidence)
  const scale = lossScale(policy.judge_miss_rate)
  const knee = kneeOf(evidence, segments)
  const { ceiling, next, horizons } = outlookOf(thresholds, policy, pace)
  const points = curvePoints(thresholds, segments, ceiling).map((point) => corrected(point, policy))
  const end = horizons.at(-1)
  const unfavourable = points.slice(1).findIndex((point) => point.em_drop_predicted > policy.max_em_drop)

  return {
    score,
    generations,
    tokens_mean: generations === 0 ? null : evidence.full_tokens / generations,
    em_full: evidence.labelled === 0 ? null : evidence.full_em / evidence.labelled,
    threshold: grid[index] ?? null,
    points,
    knee: knee && { ...summaryAt(knee.index), em_below_line: knee.below / scale },
    unfavourable_from: unfavourable === -1 ? null : summaryAt(unfavourable),
    forecast: {
      heading: end === undefined ? null : suspicion >= SUSPICIOUS ? 'stricter' as const : end.index > ceiling ? 'looser' as const : 'steady' as const,
      drift_suspicion: suspicion,
      control_generations_per_hour: pace.perSecond === null ? null : 3600 * pace.perSecond,
      next_certificate: next && { threshold: grid[next.index]!, generations: next.generations, ...expectedTime(next.at) },
      horizons: horizons.map(({ generations, index, at, ...saved }) =>
        ({ generations, threshold: grid[index] ?? null, ...saved, ...expectedTime(at) })),
    },
  }

  function expectedTime (at: number | null) {
    return { at, seconds: at === null ? null : (at - pace.now) / 1000 }
  }

  function summaryAt (k: number) {
    const { threshold, tokens_saved_ratio, tokens_saved_gross_ratio, em_drop, em_drop_predicted } = points[k + 1]!
    return { threshold, tokens_saved_ratio, tokens_saved_gross_ratio, em_drop, em_drop_predicted }
  }
}

/** A point of the curve, corrected for losses that a judge misses. */
function corrected (point: ReturnType<typeof curvePoints>[number], policy: Policy) {
  return {
    ...point,
    em_drop: trueDrop(point.em_drop, policy),
    em_drop_low: trueDrop(point.em_drop_low, policy),
    em_drop_high: trueDrop(point.em_drop_high, policy),
    em_drop_predicted: trueDrop(point.em_drop_predicted, policy),
  }
}

/**
 * Standard errors by which the curve must lie below a straight line to have a knee. The test takes the lowest of up to 30 correlated
 * points: a truly straight line has a knee in 0.2 to 1.8 % of runs (30 thresholds, of which the loosest loses 5 to 30 %, and 300 to 5,000
 * generations; 4,000 runs each).
 */
const CLEAR = 3

/**
 * The knee of the smoothed curve (Kneedle: Satopaa et al. 2011). With tokens saved and EM drop both scaled to 1 at the loosest threshold,
 * it is the point furthest below the diagonal. Beyond it, a token costs more EM than the mean token does. Unlike
 * `unfavourable_from`, which depends on the bound, the knee depends on where the data end.
 * @returns grid index, and how much EM it lies below the diagonal; `null` if the curve loses nothing or the bend is within its noise
 */
export function kneeOf (evidence: Evidence, segments: readonly Segment[]): { index: number, below: number } | null {
  const last = segments.at(-1)?.to ?? -1
  if (last === -1 || evidence.generations === 0) return null
  const [saved, drop] = [tokensSavedRatio(evidence, last), emDrop(evidence, last)]
  if (drop <= 0) return null
  let knee = { index: -1, below: 0 }
  for (const { to: index } of segments) {
    const below = drop * tokensSavedRatio(evidence, index) / saved - emDrop(evidence, index)
    if (below > knee.below) knee = { index, below }
  }
  return knee.below > CLEAR * noiseAt(evidence, knee.index, last) ? knee : null
}

/** Standard error of a point's distance from the line to `last`, if looser thresholds lose and gain whatever a stricter one does. */
function noiseAt (evidence: Evidence, k: number, last: number): number {
  if (k === -1) return Infinity
  const { generations, lost, gained } = evidence
  const share = tokensSaved(evidence, k) / tokensSaved(evidence, last)
  const [near, all] = [lost[k]! + gained[k]!, lost[last]! + gained[last]!]
  return Math.sqrt(share ** 2 * Math.max(0, all - near) + (1 - share) ** 2 * near + 1) / generations
}
