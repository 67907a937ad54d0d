import type { Fold } from './fold.js'
import { type EffectiveThreshold, effectiveThreshold } from './effective-threshold.js'
import { type ChainLink, chainLink } from './chain-link.js'
import { isLive } from '../policy/pin.js'
import { usablePin } from '../scores/predictor-version.js'
import { policyOf } from './ledger.js'
import { certifyingDepth, certifyingKey, depthOf } from '../policy/context.js'
import type { ContextState } from './context-state.js'
import { type Cadence, TOKENS } from '../policy/policy.js'
import { checkCountsOf } from '../decide/scorer.js'
import { checkEveryTokens } from './check-distance.js'

/** The threshold in force for a context, as the learner's state has it; a pin ends by itself, as in replicas. */
export function thresholdInForce (fold: Fold, key: string, time: number): EffectiveThreshold {
  const linkOf = (of: string): ChainLink => {
    const state = fold.get(of)
    const { rule: { index, threshold } } = state ?? { rule: { index: -1, threshold: null } }
    const pin = fold.ledger.pins.get(of)
    const live = pin !== undefined && isLive(pin, time) ? usablePin(fold.predictors, pin) : undefined
    return chainLink(of, policyOf(fold.ledger, of), live, state, { index, threshold, guarantee: null })
  }
  const leaf = linkOf(key)
  const { levels } = fold.ledger.configuration
  const { certify_at: certifyAt } = leaf.policy
  const source = depthOf(key) < certifyingDepth(levels, certifyAt) ? key : certifyingKey(levels, certifyAt, key)
  const chain = source === key ? [leaf] : [linkOf(source), leaf]
  return effectiveThreshold(chain, 0)
}

/** When generations of a leaf ask. @param state of the context that certifies for it */
export function cadenceAt ({ ledger }: Fold, leaf: string, state: ContextState | undefined): Cadence {
  const policy = policyOf(ledger, leaf)
  const { check_growth: checkGrowth, min_tokens: minTokens } = policy
  const checkCounts = policy.score === TOKENS ? checkCountsOf(TOKENS) : undefined
  return { checkEveryTokens: checkEveryTokens(policy, state?.probes.distance), checkGrowth, minTokens, checkCounts }
}
