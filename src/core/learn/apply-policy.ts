import { parseContextKey, ROOT } from '../policy/context.js'
import type { PolicyPatch } from '../policy/policy.js'
import { removeContext } from './context-room.js'
import { type Fold, statesWithin } from './fold.js'
import { policyOf, setPolicy } from './ledger.js'
import { type Configuration, type Origin, signature } from './log-entry.js'
import { applyPolicies } from './put-policies.js'
import { moveOf } from './threshold-change.js'

/** Puts a policy in force, or removes it; noted even where no threshold moves, since decisions may. */
export function applyPolicy (fold: Fold, time: number, key: string, policy: PolicyPatch | null, origin: Origin): void {
  const count = fold.changes.length
  const before = policyOf(fold.ledger, key).mode
  const fields = changedFields(fold.ledger.policies.get(key) ?? {}, policy ?? {})
  applyPolicies(fold, time, key, () => setPolicy(fold, key, policy))
  const moves = fold.changes.splice(count)
  const after = policyOf(fold.ledger, key).mode
  const stated = { ...(fields.length > 0 && { fields }), ...(before !== after && { mode_before: before, mode_after: after }) }
  for (const move of moves) fold.changes.push({ ...move, ...(move.key === key && stated), ...signature(origin) })
  if (moves.some((move) => move.key === key)) return
  const state = fold.get(key)
  fold.changes.push({ time, key, cause: 'policy', epoch: state?.epoch.number ?? 0, ...moveOf(state, state), ...stated, ...signature(origin) })
}

function changedFields (before: PolicyPatch, after: PolicyPatch): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof PolicyPatch>
  return [...names].filter((name) => before[name] !== after[name]).sort()
}

/**
 * New levels mean other contexts: contexts without a place under them are dropped, and the root starts an epoch. Policies and pins stay,
 * as in the store, and apply again if their levels return.
 */
export function applyConfiguration (fold: Fold, time: number, configuration: Configuration): void {
  const { levels } = configuration
  const all = statesWithin(fold, ROOT)
  const gone = all.filter(([key]) => parseContextKey(levels, key) === null)
  for (const [key, state] of gone) {
    if (state.rule.index !== -1) fold.changes.push({ time, key, cause: 'configuration', epoch: state.epoch.number, ...moveOf(state) })
    removeContext(fold, key)
  }
  const contexts = all.length - gone.length
  applyPolicies(fold, time, ROOT, () => { fold.ledger = { ...fold.ledger, configuration, contexts } }, 'configuration')
}
