import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { truthOf, type Profile } from '../../src/cli/simulate/simulated-generation.js'
import { certifiedIndex } from '../../src/core/certificate/certified-threshold.js'
import { rawCandidate } from '../../src/core/contexts/candidate-scorer.js'
import { effectivePolicy } from '../../src/core/policy/policy.js'
import { GRID } from '../../src/core/certificate/thresholds.js'
import { evidenceOf } from '../../src/core/contexts/context-state.js'
import { simulatedService } from '../../test/simulation/service.js'
import { CONTEXT, generate, KEY, LEVELS } from '../../test/simulation/stream.js'

// Compares the certified threshold that the learner puts in force under given prices with the truly best one.

/** The tolerated drop, and the tolerated chance that it is exceeded. */
export const BOUND = 0.05
export const LEVEL = 0.05

/** The truth about a context: EM lost and tokens saved by threshold, and the mean tokens of a full run. */
export interface Truth { readonly drop: readonly number[], readonly saved: readonly number[], readonly tokens: number }

export function pricedTruth (profile: Profile, generations: number): Truth {
  const rows = truthOf(profile, generations, seededRandom(1))
  const random = seededRandom(2)
  let tokens = 0
  for (let i = 0; i < generations; i++) tokens += generate(random, profile, '').tokens
  return { drop: rows.map((row) => row.em_drop), saved: rows.map((row) => row.tokens_saved_ratio), tokens: tokens / generations }
}

/** Utility of stopping at threshold `k` in right answers per generation; -1 never stops. */
export function utility ({ drop, saved }: Truth, k: number, worthOfTokens: number): number {
  return k === -1 ? 0 : worthOfTokens * saved[k]! - drop[k]!
}

/** The best utility up to a ceiling, which is at least that of never stopping. */
export function bestUtility (truth: Truth, ceiling: number, worthOfTokens: number): number {
  return Math.max(0, ...truth.drop.slice(0, ceiling + 1).map((_, k) => utility(truth, k, worthOfTokens)))
}

export interface Priced {
  /** The threshold in force at the end, and the loosest certified one. */
  readonly index: number
  readonly ceiling: number
  /** Whether a threshold in force ever lost more than is tolerated, or was looser than the ceiling. */
  readonly isWrong: boolean
  readonly isPastCeiling: boolean
  readonly moves: number
}

/** @param worthOfTokens value of the tokens of a full run in right answers; `null`: without prices */
export function playPriced (profile: Profile, truth: Truth, worthOfTokens: number | null, generations: number, seed: number): Priced {
  const prices = worthOfTokens === null ? {} : { value_of_em: 1, price_per_1k_tokens: 1000 * worthOfTokens / truth.tokens }
  const stated = { max_em_drop: BOUND, error_level: LEVEL, ...prices }
  const service = simulatedService(`salt-${seed}`, LEVELS, stated)
  const policy = effectivePolicy({ follow_up_seconds: 0, ...stated }, new Map(), KEY)
  const random = seededRandom(seed)
  let [index, moves, isWrong, isPastCeiling] = [-1, 0, false, false]
  const ceilingNow = () => {
    const state = service.state(KEY)!
    return certifiedIndex(evidenceOf(state), BOUND, rawCandidate(state, policy).bar)
  }
  for (let i = 0; i < generations; i++) {
    service.serve(generate(random, profile, `priced-${seed}-${i}`, CONTEXT).run)
    const { threshold } = service.rule(CONTEXT)
    const now = threshold === null ? -1 : GRID.indexOf(threshold)
    if (now === index) continue
    moves++
    index = now
    isWrong ||= now !== -1 && truth.drop[now]! > BOUND
    isPastCeiling ||= now > ceilingNow()
  }
  return { index, ceiling: ceilingNow(), isWrong, isPastCeiling, moves }
}
