import type { Scope } from '../decide/rule.js'
import { CONTROL_FLOOR, firstShare } from '../decide/arm.js'
import { certifyingDepth, certifyingKey, depthOf, type Levels } from '../policy/context.js'
import { differenceFromPool } from '../policy/policy-problem.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import type { ChainLink } from './chain-link.js'
import type { Guarantee } from '../decide/guarantee.js'
import { hasLeft } from '../evidence/membership.js'
import type { Pin } from '../policy/pin.js'

/** The threshold that takes effect at the end of a chain. */
export interface EffectiveThreshold {
  readonly threshold: number | null
  readonly scope: Scope
  /** The guarantee of the threshold; `null`: none, as under a pin. */
  readonly guarantee: Guarantee | null
  /** The link that gathers evidence for the leaf: itself, or its pool. */
  readonly source: ChainLink
  readonly isPinned: boolean
  /** Whether a certified threshold would be in force, if its guards could see (law 2). */
  readonly isSuspended: boolean
  /** Whether the certificate of the source is about the leaf. */
  readonly isCovered: boolean
  /** Whether the leaf is a member of a pool whose first generations are yet to run in full, so that nothing in it is stopped. */
  readonly isNew: boolean
  /** Whether the leaf is evidence of the source. A member of a pool is not if it is not covered, or has a pin of its own. */
  readonly isEvidence: boolean
}

/**
 * The threshold in force for a leaf: its own pin, otherwise the pin or the certificate of the link that gathers its evidence. A pool's
 * certificate does not serve a member that is new, has left it or can't be read, nor one whose policy asks for another certificate (a
 * change of DEFAULT_POLICY or an import can cause that).
 * @param chain root first, leaf last
 * @param depth index of the certifying link in the chain
 */
export function effectiveThreshold (chain: readonly ChainLink[], depth = chain.length - 1): EffectiveThreshold {
  const leaf = chain.at(-1)!
  const source = chain[depth]!
  const pin = leaf.pin ?? source.pin
  const isCovered = source === leaf ||
    (!leaf.isUnreadable && !hasLeft(leaf.leftEpoch, source.epochName) && differenceFromPool(leaf.policy, source.policy) === undefined)
  const isNew = source !== leaf && isCovered && pin === undefined && leaf.knownEpoch !== source.epochName
  const isServed = isCovered && !isNew
  const isSuspended = pin === undefined && isServed && source.isSuspended
  const certified = isServed && !isSuspended ? source.threshold : null
  const threshold = pin === undefined ? certified : thresholdOfPin(pin, source.policy)
  const scope = threshold === null ? 'none' : source === leaf || leaf.pin !== undefined ? 'own' : 'pool'
  const isEvidence = isCovered && (source === leaf || leaf.pin === undefined)
  const guarantee = pin !== undefined || !isServed || isSuspended ? null : source.guarantee
  return { threshold, scope, guarantee, source, isPinned: pin !== undefined, isSuspended, isCovered, isNew, isEvidence }
}

/** A pin is for one score: under another one it means never stop. */
function thresholdOfPin ({ threshold, scorer = CONFIDENCE }: Pin, { score }: Pick<Policy, 'score'>): number | null {
  return scorer === score ? threshold : null
}

/** Depth of the link that certifies for the end of a chain, which may end above the leaves. */
export function certifyingDepthOf (levels: Levels, chain: readonly ChainLink[]): number {
  return Math.min(chain.length - 1, certifyingDepth(levels, chain.at(-1)!.policy.certify_at))
}

/**
 * The control share in force for all contexts that are evidence of the certifying link. The learner moves an `auto` share, and that of a
 * context without a threshold; until it has set one, the least share holds, and without a threshold that of a context without traffic. A
 * new member of a pool that stops generations runs in full. A suspended threshold has its share, since its guards have to see again. A
 * context that is not evidence has share 0, since its probes would be useless.
 */
export function controlShareInForce ({ threshold, source, isSuspended, isEvidence, isNew }: EffectiveThreshold): number {
  const { control_rate: rate } = source.policy
  if (!isEvidence) return 0
  if (isNew && source.threshold !== null) return 1
  if (threshold === null && !isSuspended) return source.learnedControlShare ?? firstShare(source.policy)
  return rate === 'auto' ? source.learnedControlShare ?? CONTROL_FLOOR : Math.max(CONTROL_FLOOR, rate)
}

/** The share below which draws are evidence of the certifying link. A new member runs in full, but weighs as much as any other. */
export function evidenceShareInForce (force: EffectiveThreshold): number {
  return controlShareInForce({ ...force, isNew: false, threshold: force.isNew ? force.source.threshold : force.threshold })
}

/** How many members of pools are new. @param links by key, with those of all ancestors */
export function countNewMembers (levels: Levels, links: ReadonlyMap<string, ChainLink>): number {
  let count = 0
  for (const [key, leaf] of links) {
    const { certify_at: certifyAt } = leaf.policy
    if (certifyAt === null || depthOf(key) < levels.length) continue
    if (effectiveThreshold([links.get(certifyingKey(levels, certifyAt, key))!, leaf], 0).isNew) count++
  }
  return count
}
