import { chainOf, isWithin, parseContextKey, ROOT, type Levels } from './context.js'
import { openEpoch, type ContextState, type EpochCause } from './context-state.js'
import { NO_DRIFT } from './drift.js'
import { moveShare, policyOf, write, type Fold, type Ledger } from './fold.js'
import { isCurrent } from './judge.js'
import type { Configuration } from './log-entry.js'
import type { Policy } from './policy.js'

/** Puts other policies or pins in force for all contexts at or below a key. */
export function learnPolicies (fold: Fold, time: number, ledger: Ledger, under: string, cause: EpochCause = 'policy'): void {
  const before = fold.ledger
  const { levels } = ledger.configuration
  const keys = [...fold.keys()].filter((key) => isWithin(key, under))
  fold.ledger = ledger
  for (const key of keys) {
    const state = fold.get(key)!
    const policy = policyOf(ledger, key)
    const next = isCurrent(state, policy, levels)
      ? withWish(state, policyOf(before, key), policy)
      : openEpoch(state, cause, policy, levels, time)
    write(fold, key, next, policy, time, cause, true)
  }
  for (const key of keys) if (isLeaf(key, levels)) moveShare(fold, key, time)
}

/** Before any evidence, a changed wish is as good as the first; another tolerance starts the drift detector over. */
function withWish (state: ContextState, before: Policy, policy: Policy): ContextState {
  const { max_em_drop, error_level } = policy
  const isUnseen = state.halves.every((half) => half.generations === 0)
  const wish = isUnseen ? { max_em_drop, error_level } : state.wish
  return { ...state, wish, drift: before.max_em_drop === max_em_drop ? state.drift : NO_DRIFT }
}

/**
 * Other levels make other contexts: those that no longer have a place are dropped, and the root starts an epoch. Policies and pins stay, as
 * they do in the store: where the levels come back, so do they.
 */
export function learnConfiguration (fold: Fold, time: number, configuration: Configuration): void {
  const { levels } = configuration
  const keys = [...fold.keys()]
  const gone = keys.filter((key) => parseContextKey(levels, key) === null)
  for (const key of gone) fold.set(key, undefined)
  const ledger = { ...fold.ledger, configuration, contexts: keys.length - gone.length }
  learnPolicies(fold, time, ledger, ROOT, 'configuration')
}

export function learnReset (fold: Fold, time: number, key: string): void {
  const state = fold.get(key)
  if (state === undefined) return
  const policy = policyOf(fold.ledger, key)
  write(fold, key, openEpoch(state, 'reset', policy, fold.ledger.configuration.levels, time), policy, time, 'reset', true)
  if (isLeaf(key, fold.ledger.configuration.levels)) moveShare(fold, key, time)
}

function isLeaf (key: string, levels: Levels): boolean {
  return chainOf(key).length === levels.length + 1
}
