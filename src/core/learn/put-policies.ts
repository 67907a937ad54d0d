import { type BreachHold, laterHold } from '../guards/breach.js'
import { withLaterHold } from '../guards/guards.js'
import { certifyingDepth, chainOf } from '../policy/context.js'
import type { EpochCause } from '../stats/error-budget.js'
import type { ContextState } from './context-state.js'
import { moveShare } from './control-share.js'
import { type Fold, statesWithin } from './fold.js'
import { isCurrent } from './judge.js'
import { policyOf } from './ledger.js'
import { startEpoch } from './start-epoch.js'
import { withRequest } from './with-request.js'
import { writeState } from './write-state.js'

/**
 * Puts other policies in force for all contexts at or below a key.
 * @param change changes the ledger
 */
export function applyPolicies (fold: Fold, time: number, under: string, change: () => void, cause: EpochCause = 'policy'): void {
  const within = statesWithin(fold, under).map(([key]) => key)
  const before = new Map(within.map((key) => [key, policyOf(fold.ledger, key)]))
  change()
  const { ledger } = fold
  const { levels } = ledger.configuration
  const regrouped = regroupedBy(fold, before)
  const written: Array<readonly [key: string, state: ContextState]> = []
  for (const key of new Set([...within, ...regrouped.keys()])) {
    const state = fold.get(key)
    if (state === undefined) continue
    const policy = policyOf(ledger, key)
    const next = isCurrent(state, policy, levels, fold.predictors) && !regrouped.has(key)
      ? withRequest(fold, key, state, { before: before.get(key)!, policy })
      : startEpoch(fold, key, { ...state, guards: withLaterHold(state.guards, regrouped.get(key) ?? null) }, { cause, policy, time })
    written.push([key, writeState(fold, key, next, { policy, time, cause, mayMove: true })])
  }
  for (const [key, state] of written) moveShare(fold, key, state, time)
}

/**
 * The contexts that gather evidence of other traffic than before, since `certify_at` has changed for them or for a context below them. The
 * evidence of a pool says nothing of the contexts that remain in it when others leave, or of those that join it.
 * @param before the policies that were in force, by key
 * @returns the latest hold of the contexts that certified for that traffic before: their workers answer as they did
 */
function regroupedBy ({ ledger, get }: Fold, before: ReadonlyMap<string, ReturnType<typeof policyOf>>): Map<string, BreachHold | null> {
  const { levels } = ledger.configuration
  const regrouped = new Map<string, BreachHold | null>()
  for (const [key, policy] of before) {
    const [was, is] = [certifyingDepth(levels, policy.certify_at), certifyingDepth(levels, policyOf(ledger, key).certify_at)]
    if (was === is) continue
    const [last, next] = [chainOf(key)[was], chainOf(key)[is]]
    const hold = last === undefined ? null : get(last)?.guards.hold ?? null
    for (const link of [last, next]) if (link !== undefined) regrouped.set(link, laterHold(regrouped.get(link) ?? null, hold))
  }
  return regrouped
}
