import { certifyingDepth, chainOf, depthOf, isCertifying, isOpen, type Levels, ROOT } from './context.js'
import { fieldsOf, type Policy } from './policy.js'

/** A field of a policy, as a JSON pointer, and how it must change. */
interface PolicyProblem { readonly path: string, readonly message: string }

/** Why a policy may not state its bound, or `null`: somebody who means half a point may type 0.5. @param limit largest max_em_drop */
export function boundProblem ({ max_em_drop: bound = 0 }: Partial<Policy>, limit: number): PolicyProblem | null {
  if (bound <= limit) return null
  const message = `must be at most ${limit}, since ${bound} means that ${Math.round(1000 * bound) / 10} points of EM may be lost: for half a point state 0.005. The service allows more if MAX_EM_DROP_LIMIT is raised`
  return { path: '/max_em_drop', message }
}

/** Why the level of the pools is not configured, or `null`. */
export function poolProblem ({ certify_at: level }: Policy, levels: Levels): PolicyProblem | null {
  if (level === null || level === ROOT || levels.includes(level)) return null
  const known = [`"${ROOT}" (all contexts)`, ...levels.map((name) => `"${name}"`)].join(', ')
  return { path: '/certify_at', message: `must be a context level (CONTEXT_LEVELS) or null: use one of ${known}` }
}

/** Fields that a pool certifies, and those in which its members must agree with it for the certificate to hold for them. */
const OF_POOL = fieldsOf('meaning', 'guarantee')

/** The field that the pool certifies and in which a policy differs from the pool's; `undefined`: none. */
export function differenceFromPool (own: Policy, pool: Policy): typeof OF_POOL[number] | undefined {
  return OF_POOL.find((name) => own[name] !== pool[name])
}

/**
 * Why a context cannot be a member of its pool, or `null`. The pool's evidence and guarantee are for the pool's policy.
 * @param policyAt the effective policy at a key
 */
export function memberProblem (
  policyAt: (key: string) => Policy, levels: Levels, key: string): PolicyProblem | null {
  const own = policyAt(key)
  const depth = certifyingDepth(levels, own.certify_at)
  if (depthOf(key) <= depth) return null
  const pool = chainOf(key)[depth]!
  const its = policyAt(pool)
  if (!isCertifying(levels, its.certify_at, pool)) {
    const where = isOpen(pool) ? 'at *' : 'there'
    return { path: '/certify_at', message: `must also hold for ${pool}, which would be the pool: state it ${where}` }
  }
  const field = differenceFromPool(own, its)
  if (field === undefined) return null
  const there = isOpen(pool) ? '' : 'state it there, or ' // only a key that ends with a value has a policy
  return { path: `/${field}`, message: `must be ${its[field]}, as in its pool ${pool}: ${there}name the last level in certify_at here, so that this context is certified on its own` }
}
