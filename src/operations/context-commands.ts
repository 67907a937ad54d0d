import type { Config } from '../config/config.js'
import type { Pin } from '../core/judgement/pin.js'
import type { Origin } from '../core/learn/log-entry.js'
import { isWithin } from '../core/policy/context.js'
import { effectivePolicy, patchedPolicy, UNREADABLE_POLICY, type Policy, type PolicyMergePatch, type PolicyPatch } from '../core/policy/policy.js'
import { policyEffects, type PolicyEffect } from '../core/views/policy-effect.js'
import { ContextNotFoundError, UnreadablePolicyError } from '../errors/errors.js'
import { readModelInputs } from '../replica/model-inputs.js'
import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'
import { checkKey } from './check-key.js'
import { checkRoom, checkedPolicies } from './checked-policies.js'
import { createCommander } from './commander.js'
import { forEachChunk, readContextKeys } from './context-reader.js'
import { dryRun, type DryRun } from './dry-run.js'

/** A policy as stated on one context, and the one in force there. */
export interface PolicyView { readonly key: string, readonly policy: PolicyPatch, readonly effective: Policy }

/** What a policy would do. */
export interface PolicyDryRun extends PolicyView, DryRun<PolicyEffect> { readonly dry_run: true }

export interface PolicyRequest extends Origin { readonly dry_run?: boolean }

/** What a context states next, by what it states now. */
type NextPolicy = (stated: PolicyPatch | undefined) => PolicyPatch | null

/** A pin as an operator states it; without `expires_in_seconds` it stays until it is removed. */
export interface PinRequest { readonly threshold: number | null, readonly expires_in_seconds?: number }

/** Policies, pins and resets. Each command is in force on this replica when its promise resolves. */
export interface ContextCommands {
  readonly policy: (key: string) => Promise<PolicyView>
  /** Replaces the policy that the context states; `null` removes it. */
  readonly setPolicy: (key: string, policy: PolicyPatch | null, request: PolicyRequest) => Promise<PolicyView | PolicyDryRun>
  /** Changes fields of the policy that the context states, and keeps the others. */
  readonly patchPolicy: (key: string, patch: PolicyMergePatch, request: PolicyRequest) => Promise<PolicyView | PolicyDryRun>
  /** Replaces the pin of the context; `null` removes it. */
  readonly setPin: (key: string, pin: PinRequest | null, origin: Required<Origin>) => Promise<void>
  /** Starts a new epoch. */
  readonly reset: (key: string, origin: Required<Origin>) => Promise<void>
}

export function createContextCommands (store: Store, service: Service, config: Config): ContextCommands {
  const command = createCommander(store, service)

  async function policyView (key: string): Promise<PolicyView> {
    const policies = await store.policies()
    return { key, policy: policies.get(key) ?? {}, effective: effectivePolicy(config.defaultPolicy, policies, key) }
  }

  async function tryPolicy (key: string, next: NextPolicy): Promise<PolicyDryRun> {
    const inputs = await readModelInputs(store, config, Date.now())
    const policy = next(inputs.policies.get(key))
    const policies = checkedPolicies(config, inputs.policies, key, policy)
    const keys = (await readContextKeys(store, config)).filter((other) => isWithin(other, key))
    const effects: PolicyEffect[] = []
    await forEachChunk(store, config, keys, inputs, (loaded, chunk) => {
      effects.push(...policyEffects(loaded, key, policy, chunk.filter((within) => loaded.states.has(within)), Date.now()))
    })
    const effective = effectivePolicy(config.defaultPolicy, policies, key)
    return { key, policy: policy ?? {}, effective, dry_run: true, ...dryRun(effects) }
  }

  async function change (key: string, next: NextPolicy, { dry_run = false, ...origin }: PolicyRequest): Promise<PolicyView | PolicyDryRun> {
    checkKey(config, key)
    if (dry_run) return await tryPolicy(key, next)
    await command(async () => {
      const policies = await store.policies()
      const policy = next(policies.get(key))
      checkedPolicies(config, policies, key, policy)
      return [{ type: 'policy', key, policy, ...origin }]
    })
    return await policyView(key)
  }

  return {
    async policy (key) {
      checkKey(config, key)
      return await policyView(key)
    },

    setPolicy: (key, policy, request) => change(key, () => policy, request),

    patchPolicy: (key, patch, request) => change(key, (stated = {}) => {
      if (stated === UNREADABLE_POLICY) throw new UnreadablePolicyError(key)
      return patchedPolicy(stated, patch)
    }, request),

    async setPin (key, request, origin) {
      checkKey(config, key)
      await command(async () => {
        if (request !== null) checkRoom(config, await store.pins(), key)
        return [{ type: 'pin', key, pin: request && pinOf(request, origin), ...origin }]
      })
    },

    async reset (key, origin) {
      checkKey(config, key)
      await command(async () => {
        if ((await store.readContexts([key])).size === 0) throw new ContextNotFoundError(key)
        return [{ type: 'reset', key, ...origin }]
      })
    },
  }
}

function pinOf ({ threshold, expires_in_seconds: seconds }: PinRequest, { by, reason }: Required<Origin>): Pin {
  return { threshold, reason, by, expires_at: seconds === undefined ? null : Date.now() + seconds * 1000 }
}
