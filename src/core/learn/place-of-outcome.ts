import { certifyingDepth, type Context, contextChain } from '../policy/context.js'
import { differenceFromPool } from '../policy/policy-problem.js'
import type { Policy } from '../policy/policy.js'
import { expire } from './apply-time.js'
import { ensureContext, takePlace } from './context-room.js'
import type { ContextState } from './context-state.js'
import type { Fold } from './fold.js'
import { policyOf } from './ledger.js'

/** Where an outcome counts. */
export interface Place {
  /** Context keys from the root to the leaf. */
  readonly chain: readonly string[]
  readonly leaf: string
  /** The context that gathers the evidence: the leaf, or its pool. */
  readonly key: string
  /** Of the leaf, and of the context that gathers the evidence. */
  readonly policy: Policy
  readonly gathering: Policy
  /** Whether the leaf is evidence of that context, as far as their policies go. */
  readonly isOfPool: boolean
}

export function placeOf ({ ledger }: Fold, context: Context): Place {
  const { levels } = ledger.configuration
  const chain = contextChain(levels, context)
  const leaf = chain.at(-1)!
  const policy = policyOf(ledger, leaf)
  const key = chain[certifyingDepth(levels, policy.certify_at)]!
  const gathering = policyOf(ledger, key)
  return { chain, leaf, key, policy, gathering, isOfPool: differenceFromPool(policy, gathering) === undefined }
}

/**
 * Creates the contexts of a place, and brings them up to the time of the log, since no tick may have come.
 * @returns the state of the context that gathers the evidence; `undefined`: there was no room for it
 */
export function enterPlace (fold: Fold, { chain, leaf, key }: Place, prefix: string | undefined, time: number): ContextState | undefined {
  for (const link of chain) ensureContext(fold, link, time, prefix)
  if (fold.get(leaf) === undefined) takePlace(fold, chain, time, prefix)
  const found = fold.get(key)
  const state = found && expire(fold, key, found, time)
  const member = leaf === key ? undefined : fold.get(leaf)
  if (member !== undefined) expire(fold, leaf, member, time)
  if (fold.get(leaf) === undefined) fold.ledger = { ...fold.ledger, refused: fold.ledger.refused + 1 }
  return state
}
