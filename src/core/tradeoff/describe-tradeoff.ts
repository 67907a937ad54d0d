import { allowedPrice } from '../policy/allowed-price.js'
import { expectedUtility } from '../certificate/objective.js'
import type { Policy } from '../policy/policy.js'
import { kneeOf } from './knee.js'
import { outlookOf } from './outlook.js'
import { curvePoints, type ThresholdEvidence, type CurvePoint } from './curve-points.js'
import { segmentsOf, type Price } from './segments.js'
import { turningPoint } from './turning-point.js'
import type { Pace } from './pace.js'

/** A point of the curve without its intervals. */
type PointSummary = Pick<CurvePoint, 'threshold' | 'tokens_saved_ratio' | 'em_drop' | 'em_drop_predicted'>

/** Suspicion of drift from which on thresholds may become stricter. At constant rates no certified threshold is lost. */
const SUSPICIOUS = 2

interface ExpectedTime { readonly at: number | null, readonly seconds: number | null }

/** The trade-off of a context; times in ms. */
export interface TradeoffView {
  readonly score: string
  readonly generations: number
  readonly tokens_mean: number | null
  readonly em_full: number | null
  readonly threshold: number | null
  /** Expected utility of that threshold per generation, in the policy's currency. */
  readonly expected_utility: number | null
  readonly points: readonly CurvePoint[]
  readonly knee: (PointSummary & { readonly em_below_line: number }) | null
  /** The allowed price: as stated by the policy, or as its prices imply. */
  readonly em_per_token_percent: number | null
  readonly unfavourable_from: (PointSummary & { readonly next: Price | null, readonly rest: Price, readonly is_sure: boolean }) | null
  readonly forecast: {
    readonly heading: 'looser' | 'stricter' | 'steady' | null
    readonly drift_suspicion: number
    readonly control_generations_per_hour: number | null
    readonly next_certificate: (ExpectedTime & { readonly threshold: number, readonly generations: number }) | null
    readonly horizons: ReadonlyArray<ExpectedTime & Pick<CurvePoint, 'threshold' | 'tokens_saved_ratio'> & { readonly generations: number }>
  }
}

/** Describes the trade-off between EM and tokens: its curve, knee, turning point and forecast. */
export function describeTradeoff (thresholds: ThresholdEvidence, policy: Policy, pace: Pace): TradeoffView {
  const { score, evidence, grid, bar, index, suspicion } = thresholds
  const { generations } = evidence
  const level = Math.exp(-bar)
  const segments = segmentsOf(evidence)
  const allowed = allowedPrice(evidence.full_tokens / evidence.generations, policy)
  const turn = allowed === null ? null : turningPoint(evidence, segments, allowed, level)
  const knee = kneeOf(evidence, segments)
  const { ceiling, next, horizons } = outlookOf(evidence, policy, bar, pace)
  const points = curvePoints(thresholds, segments, ceiling)
  const thresholdAt = (k: number) => k === -1 ? null : grid[k]!
  const end = horizons.at(-1)

  return {
    score,
    generations,
    tokens_mean: generations === 0 ? null : evidence.full_tokens / generations,
    em_full: evidence.labelled === 0 ? null : evidence.full_em / evidence.labelled,
    threshold: thresholdAt(index),
    expected_utility: expectedUtility(evidence, index, policy),
    points,
    knee: knee && { ...summaryAt(knee.index), em_below_line: knee.below },
    em_per_token_percent: allowed,
    unfavourable_from: turn && { ...summaryAt(turn.index), next: turn.next, rest: turn.rest, is_sure: turn.is_sure },
    forecast: {
      heading: end === undefined ? null : suspicion >= SUSPICIOUS ? 'stricter' : end.index > ceiling ? 'looser' : 'steady',
      drift_suspicion: suspicion,
      control_generations_per_hour: pace.perSecond === null ? null : 3600 * pace.perSecond,
      next_certificate: next && { threshold: grid[next.index]!, generations: next.generations, ...expectedTime(next.at) },
      horizons: horizons.map(({ generations, index, tokens_saved_ratio, at }) =>
        ({ generations, threshold: thresholdAt(index), tokens_saved_ratio, ...expectedTime(at) })),
    },
  }

  function expectedTime (at: number | null): ExpectedTime {
    return { at, seconds: at === null ? null : (at - pace.now) / 1000 }
  }

  function summaryAt (k: number): PointSummary {
    const { threshold, tokens_saved_ratio, em_drop, em_drop_predicted } = points[k + 1]!
    return { threshold, tokens_saved_ratio, em_drop, em_drop_predicted }
  }
}
