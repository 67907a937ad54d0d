import { controlShare } from '../assignment/arm.js'
import { differenceFromPool } from '../certificate/policy-problem.js'
import { certifyingDepth } from '../policy/certifying-link.js'
import type { Levels } from '../policy/context.js'
import type { ChainLink } from './chain-link.js'

/** Whether the threshold in force is certified for the context itself or for its pool, or none is in force. */
export type Scope = 'own' | 'pool' | 'none'

/** The threshold that takes effect at the end of a chain. */
export interface EffectiveThreshold {
  readonly threshold: number | null
  /** Name of the predictor whose score the threshold is for; `null`: the raw confidence. */
  readonly scorer: string | null
  readonly scope: Scope
  /** The link that gathers evidence for the leaf: itself, or its pool. */
  readonly source: ChainLink
  readonly isPinned: boolean
}

const UNCOVERED = { threshold: null, scorer: null }

/**
 * The threshold in force for a leaf: its own pin, else the pin or the certificate of the link that gathers evidence for it. A pool's
 * certificate does not serve a member whose policy asks for another one, as a change of DEFAULT_POLICY or an import can bring about.
 * @param chain root first, leaf last
 * @param depth of the certifying link in it
 */
export function effectiveThreshold (chain: readonly ChainLink[], depth = chain.length - 1): EffectiveThreshold {
  const leaf = chain.at(-1)!
  const source = chain[depth]!
  const pin = leaf.pin ?? source.pin
  const isCovered = pin !== undefined || source === leaf || differenceFromPool(leaf.policy, source.policy) === undefined
  const { threshold, scorer = null } = isCovered ? pin ?? source : UNCOVERED
  const scope = threshold === null ? 'none' : source === leaf || leaf.pin !== undefined ? 'own' : 'pool'
  return { threshold, scorer, scope, source, isPinned: pin !== undefined }
}

/** Depth of the link that certifies for the end of a chain, which may end above the leaves. */
export function certifyingDepthOf (levels: Levels, chain: readonly ChainLink[]): number {
  return Math.min(chain.length - 1, certifyingDepth(levels, chain.at(-1)!.policy.certify_at))
}

/**
 * The control share that the certifying link should have, for all contexts that it certifies: 1 without a threshold. A pin counts as saving
 * everything, as its savings are not measured.
 */
export function controlShareFor ({ threshold, source, isPinned }: EffectiveThreshold): number {
  if (threshold === null) return 1
  return controlShare(source.policy.control_rate, isPinned ? 1 : source.grossSavedRatio, source.generations)
}

/** The control share in force: the learner moves an `auto` share in steps, and until the next step its last one holds. */
export function controlShareInForce (effective: EffectiveThreshold): number {
  const { source, threshold } = effective
  const wanted = controlShareFor(effective)
  return source.policy.control_rate === 'auto' && threshold !== null ? source.learnedControlShare ?? wanted : wanted
}
