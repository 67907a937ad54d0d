import type { Config } from '../config/config.js'
import { isWithin } from '../core/policy/context.js'
import { effectivePolicy, type PolicyPatch } from '../core/policy/policy.js'
import { at, InvalidPolicyError, TooManyError } from '../errors/errors.js'
import { windowProblem } from '../core/certificate/window-problem.js'
import { memberProblem, policyProblem } from '../core/policy/policy-problem.js'

/** Policies and pins are limited to as many as contexts. @throws TooManyError */
export function checkRoom ({ maxContexts }: Config, table: ReadonlyMap<string, unknown>, key: string): void {
  if (!table.has(key) && table.size >= maxContexts) throw new TooManyError(String(maxContexts))
}

/**
 * The policies after one is set, or removed by `null`, checked in its context and in all below.
 * @throws InvalidPolicyError, TooManyError
 */
export function checkedPolicies (
  config: Config, stated: ReadonlyMap<string, PolicyPatch>, key: string, policy: PolicyPatch | null): Map<string, PolicyPatch> {
  const policies = new Map(stated)
  if (policy !== null) checkRoom(config, policies, key)
  if (policy === null) policies.delete(key); else policies.set(key, policy)
  const policyAt = (at: string) => effectivePolicy(config.defaultPolicy, policies, at)
  for (const link of [key, ...[...policies.keys()].filter((other) => isWithin(other, key))]) {
    const own = policyAt(link)
    const problem = windowProblem(own) ?? policyProblem(own, config.levels) ?? memberProblem(policyAt, config.levels, link)
    if (problem !== null) throw at(problem.path, new InvalidPolicyError(`in context ${link}, ${problem.path.slice(1)} ${problem.message}`))
  }
  return policies
}
