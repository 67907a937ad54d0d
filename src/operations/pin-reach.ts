import type { ModelInputs } from '../core/judgement/chain-link.js'
import type { PinWarning } from '../core/judgement/context-warnings.js'
import { usablePin } from '../core/judgement/pin.js'
import { certifyingKey, isCertifying } from '../core/policy/certifying-link.js'
import { depthOf, isWithin, ROOT } from '../core/policy/context.js'
import { effectivePolicy } from '../core/policy/policy.js'

/** Where a pin holds. */
export interface PinReach {
  /** Contexts without children that have outcomes and whose threshold the pin sets. */
  readonly pinned_contexts: number
  readonly warnings?: readonly PinWarning[]
}

/** Finds out where a pin at a key holds. @param keys of the contexts with outcomes, and of those above them */
export function pinReach (
  { levels, defaultPolicy, policies, pins, predictors }: ModelInputs, keys: readonly string[], key: string): PinReach {
  const isPinned = (leaf: string) => leaf === key ||
    (usablePin(predictors, pins.get(leaf)) === undefined &&
      certifyingKey(levels, effectivePolicy(defaultPolicy, policies, leaf).certify_at, leaf) === key)
  const leaves = keys.filter((other) => depthOf(other) === levels.length && isWithin(other, key))
  const pinned = leaves.filter(isPinned).length
  const isPool = isCertifying(levels, effectivePolicy(defaultPolicy, policies, key).certify_at, key)
  const warnings: PinWarning[] = []
  if (key !== ROOT && !keys.includes(key)) warnings.push('context_unknown')
  if (pinned === 0 && depthOf(key) < levels.length && !(isPool && leaves.length === 0)) warnings.push('pin_without_effect')
  return { pinned_contexts: pinned, ...(warnings.length > 0 && { warnings }) }
}
