import { losslessGenerations } from './certificate.js'
import { certifyingDepth, isCertifying } from '../policy/certifying-link.js'
import { chainOf, depthOf, ROOT, type Levels } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'

/** What is wrong with an effective policy: a path and what to change there, or `null`. */
export function policyProblem (policy: Policy, levels: Levels): { path: string, message: string } | null {
  return windowProblem(policy) ?? priceProblem(policy) ?? poolProblem(policy, levels)
}

/** Whether the level of the pools is configured. */
export function poolProblem ({ certify_at: level }: Policy, levels: Levels): { path: string, message: string } | null {
  if (level === null || level === ROOT || levels.includes(level)) return null
  const known = [`"${ROOT}" (all contexts)`, ...levels.map((name) => `"${name}"`)].join(', ')
  return { path: '/certify_at', message: `must be a context level (CONTEXT_LEVELS) or null: use one of ${known}` }
}

/** Whether half of the evidence window can hold twice the generations of a first certificate. */
export function windowProblem (policy: Policy): { path: string, message: string } | null {
  const level = policy.predictor === 'off' ? policy.error_level : policy.error_level / 4 // the first challenger's
  const needed = 2 * losslessGenerations(policy.max_em_drop, level)
  if (policy.evidence_window / 2 >= needed) return null
  return {
    path: '/evidence_window',
    message: `must be at least ${2 * needed}: half of it must hold twice the ${needed / 2} lossless generations that ` +
      `a first certificate of max_em_drop ${policy.max_em_drop} at level ${level} needs`,
  }
}

/** Whether both prices are stated or neither. Each is inherited by itself: a child may state one and inherit the other. */
export function priceProblem ({ value_of_em: value, price_per_1k_tokens: price }: Policy): { path: string, message: string } | null {
  if ((value === null) === (price === null)) return null
  const [stated, missing] = value === null ? ['price_per_1k_tokens', 'value_of_em'] : ['value_of_em', 'price_per_1k_tokens']
  return { path: `/${missing}`, message: `must be stated with ${stated}, in the same currency; or state null for both` }
}

/** What a pool certifies, and how its members must run for that to hold for them. */
const OF_POOL = ['label', 'max_em_drop', 'error_level', 'min_tokens', 'check_every_tokens', 'check_growth'] as const

/** The field by which a policy differs from that of its pool in what the pool certifies; `undefined`: none. */
export function differenceFromPool (own: Policy, pool: Policy): typeof OF_POOL[number] | undefined {
  return OF_POOL.find((name) => own[name] !== pool[name])
}

/**
 * What keeps a context from being a member of its pool, or `null`: the pool's evidence and guarantee are for the pool's policy.
 * @param policyAt the effective policy at a key
 */
export function memberProblem (
  policyAt: (key: string) => Policy, levels: Levels, key: string): { path: string, message: string } | null {
  const own = policyAt(key)
  const depth = certifyingDepth(levels, own.certify_at)
  if (depthOf(key) <= depth) return null
  const pool = chainOf(key)[depth]!
  const its = policyAt(pool)
  if (!isCertifying(levels, its.certify_at, pool)) {
    return { path: '/certify_at', message: `must also hold for ${pool}, which would be the pool: state it there` }
  }
  const field = differenceFromPool(own, its)
  if (field === undefined) return null
  return { path: `/${field}`, message: `must be ${its[field]}, as in its pool ${pool}: state it there, or name the last level in certify_at here, so that this context is certified on its own` }
}
