import { allowedPrice } from '../policy/allowed-price.js'
import { expectedUtility } from '../certificate/objective.js'
import { thresholdAt as placed } from '../certificate/lottery.js'
import type { Policy } from '../policy/policy.js'
import { kneeOf } from './knee.js'
import { outlookOf } from './outlook.js'
import { curvePoints, type ThresholdEvidence } from './curve-points.js'
import { segmentsOf } from './segments.js'
import { turningPoint } from './turning-point.js'
import type { Pace } from './pace.js'

/** Suspicion of drift from which on thresholds may become stricter. At constant rates no certified threshold is lost. */
const SUSPICIOUS = 2

export type TradeoffView = ReturnType<typeof describeTradeoff>

/** Describes the trade-off between EM and tokens: its curve, knee, turning point and forecast. Times are in ms. */
export function describeTradeoff (thresholds: ThresholdEvidence, policy: Policy, pace: Pace) {
  const { score, evidence, grid, bar, index, suspicion } = thresholds
  const { generations } = evidence
  const level = Math.exp(-bar)
  const segments = segmentsOf(evidence)
  const allowed = allowedPrice(evidence.full_tokens / evidence.generations, policy)
  const turn = allowed === null ? null : turningPoint(evidence, segments, allowed, level)
  const knee = kneeOf(evidence, segments)
  const { ceiling, next, horizons } = outlookOf(evidence, policy, bar, pace)
  const points = curvePoints(thresholds, segments, ceiling)
  const thresholdAt = (k: number) => placed(grid, k)
  const end = horizons.at(-1)

  return {
    score,
    generations,
    tokens_mean: generations === 0 ? null : evidence.full_tokens / generations,
    em_full: evidence.labelled === 0 ? null : evidence.full_em / evidence.labelled,
    threshold: thresholdAt(index),
    /** Of that threshold, per generation, in the policy's currency. */
    expected_utility: expectedUtility(evidence, index, policy),
    points,
    knee: knee && { ...summaryAt(knee.index), em_below_line: knee.below },
    /** The allowed price: as stated by the policy, or as its prices imply. */
    em_per_token_percent: allowed,
    unfavourable_from: turn && { ...summaryAt(turn.index), next: turn.next, rest: turn.rest, is_sure: turn.is_sure },
    forecast: {
      heading: end === undefined ? null : suspicion >= SUSPICIOUS ? 'stricter' as const : end.index > ceiling ? 'looser' as const : 'steady' as const,
      drift_suspicion: suspicion,
      control_generations_per_hour: pace.perSecond === null ? null : 3600 * pace.perSecond,
      next_certificate: next && { threshold: grid[next.index]!, generations: next.generations, ...expectedTime(next.at) },
      horizons: horizons.map(({ generations, index, at, ...saved }) =>
        ({ generations, threshold: thresholdAt(index), ...saved, ...expectedTime(at) })),
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
