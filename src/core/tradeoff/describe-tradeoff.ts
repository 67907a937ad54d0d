import { allowedPrice } from '../policy/allowed-price.js'
import { expectedUtility } from '../certificate/objective.js'
import type { Policy } from '../policy/policy.js'
import { kneeOf } from './knee.js'
import { outlookOf, type Pace } from './outlook.js'
import { pointsOf, type Family, type Point } from './points.js'
import { segmentsOf, type Price } from './segments.js'
import { turnOf } from './turning-point.js'

/** A point by what it saves and costs, without its intervals. */
type Spot = Pick<Point, 'threshold' | 'tokens_saved_ratio' | 'em_drop' | 'em_drop_predicted'>

/** Suspicion from which on the learner looks closer. At rates that go on nothing that is certified is lost: only drift takes it back. */
const SUSPICIOUS = 2

interface Due { readonly at: number | null, readonly seconds: number | null }

/** The trade-off of a context; times ms. */
export interface TradeoffView {
  readonly score: string
  readonly generations: number
  readonly tokens_mean: number | null
  readonly em_full: number | null
  readonly threshold: number | null
  /** Of that threshold, a generation, in the policy's currency. */
  readonly expected_utility: number | null
  readonly points: readonly Point[]
  readonly knee: (Spot & { readonly em_below_line: number }) | null
  /** What is allowed: stated by the policy, or what its prices come to. */
  readonly em_per_token_percent: number | null
  readonly unfavourable_from: (Spot & { readonly next: Price | null, readonly rest: Price, readonly is_sure: boolean }) | null
  readonly forecast: {
    readonly heading: 'looser' | 'stricter' | 'steady' | null
    readonly drift_suspicion: number
    readonly control_generations_per_hour: number | null
    readonly next_certificate: (Due & { readonly threshold: number, readonly generations: number }) | null
    readonly horizons: ReadonlyArray<Due & Pick<Point, 'threshold' | 'tokens_saved_ratio'> & { readonly generations: number }>
  }
}

export function describeTradeoff (family: Family, policy: Policy, pace: Pace): TradeoffView {
  const { score, evidence, grid, bar, index } = family
  const { generations } = evidence
  const level = Math.exp(-bar)
  const segments = segmentsOf(evidence)
  const allowed = allowedPrice(evidence.full_tokens / evidence.generations, policy)
  const turn = allowed === null ? null : turnOf(evidence, segments, allowed, level)
  const knee = kneeOf(evidence, segments)
  const { ceiling, next, horizons } = outlookOf(evidence, policy, bar, pace)
  const points = pointsOf(family, segments, ceiling)
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
    knee: knee && { ...spotAt(knee.index), em_below_line: knee.below },
    em_per_token_percent: allowed,
    unfavourable_from: turn && { ...spotAt(turn.index), next: turn.next, rest: turn.rest, is_sure: turn.is_sure },
    forecast: {
      heading: end === undefined ? null : family.suspicion >= SUSPICIOUS ? 'stricter' : end.index > ceiling ? 'looser' : 'steady',
      drift_suspicion: family.suspicion,
      control_generations_per_hour: pace.perSecond === null ? null : 3600 * pace.perSecond,
      next_certificate: next && { threshold: grid[next.index]!, generations: next.generations, ...dueAt(next.at) },
      horizons: horizons.map(({ generations, index, tokens_saved_ratio, at }) =>
        ({ generations, threshold: thresholdAt(index), tokens_saved_ratio, ...dueAt(at) })),
    },
  }

  function dueAt (at: number | null): Due {
    return { at, seconds: at === null ? null : (at - pace.now) / 1000 }
  }

  function spotAt (k: number): Spot {
    const { threshold, tokens_saved_ratio, em_drop, em_drop_predicted } = points[k + 1]!
    return { threshold, tokens_saved_ratio, em_drop, em_drop_predicted }
  }
}
