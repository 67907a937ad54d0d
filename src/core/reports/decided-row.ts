import { ruleFor, type Snapshot } from '../decide/snapshot.js'
import type { ChainLink } from '../learn/chain-link.js'
import { certifyingDepthOf, effectiveThreshold } from '../learn/effective-threshold.js'
import { chainOf, depthOf, isCertifying, parseContextKey } from '../policy/context.js'
import { isOfPool, statusInForce } from './context-facts.js'
import type { ContextRow } from './context-row.js'

/** Figures of a context that has not been read. */
const UNREAD = {
  tokens_saved: null,
  tokens_saved_low: null,
  tokens_saved_high: null,
  tokens_saved_gross: null,
  probe_tokens: 0,
  probe_overhead: null,
  control_share: null,
  tokens_mean: 0,
  control_generations: null,
  treated_generations: null,
  generations_per_hour: null,
  generations_to_next_certificate: null,
  alarms: [] as ContextRow['alarms'],
  withdrawn_at: null,
  updated_at: null,
}

/** Figures at a threshold; unknown at any other one. */
const UNKNOWN = { em_drop: null, em_drop_low: null, em_drop_high: null, tokens_saved_ratio: null, tokens_saved_gross_ratio: null } as const

/**
 * The row of a context as a replica decides there: mode, threshold, pin, bound and status come from its snapshot, all other figures from
 * the last reading.
 * @param snapshot in force, in which mode `off` stands everywhere while stopping is paused
 * @param links of the same snapshot, by key
 * @param isTooOld whether every decision is `continue`, since the snapshot is too old
 * @param read the row when it was last read, if it ever was
 */
export function decidedRow (
  snapshot: Snapshot, links: ReadonlyMap<string, ChainLink>, isTooOld: boolean, key: string, read: ContextRow | undefined
): ContextRow {
  const { levels } = snapshot
  const chain = chainOf(key).map((link) => links.get(link)!)
  const own = chain.at(-1)!
  const force = effectiveThreshold(chain, certifyingDepthOf(levels, chain))
  const { source, isPinned } = force
  const isLeaf = depthOf(key) === levels.length
  const rule = ruleFor(snapshot, parseContextKey(levels, key)!)
  const { threshold, scope } = isTooOld ? { threshold: null, scope: 'none' as const } : isLeaf ? rule : force
  const isMember = isOfPool({ levels }, chain, source)
  return {
    ...UNREAD,
    ...UNKNOWN,
    ...read,
    ...read?.threshold !== threshold && UNKNOWN,
    key,
    is_leaf: isLeaf,
    is_certifying: isCertifying(levels, own.policy.certify_at, key),
    pool: isMember ? { left_at: null, first_generations_left: null, ...read?.pool, key: source.key } : null,
    status: statusInForce({ levels }, chain, force),
    mode: rule.mode,
    is_pinned: own.pin !== undefined,
    pinned_at: isPinned ? (own.pin === undefined ? source.key : key) : null,
    threshold,
    scope,
    max_em_drop: own.policy.max_em_drop,
  }
}
