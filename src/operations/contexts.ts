import { setImmediate } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import type { ContextState } from '../core/judgement/context-state.js'
import { isWithin, parseContextKey, ROOT } from '../core/policy/context.js'
import { describeContext, type ContextView, type Status } from '../core/views/describe-context.js'
import { describeThresholds, type ThresholdRow } from '../core/views/describe-thresholds.js'
import { candidateOf } from '../core/judgement/candidate-scorer.js'
import { linkOf, type LoadedContexts } from '../core/judgement/chain-link.js'
import type { Origin } from '../core/learn/log-entry.js'
import { policyEffects, type PolicyEffect } from '../core/views/policy-effect.js'
import { effectivePolicy, type Policy, type PolicyPatch } from '../core/policy/policy.js'
import { whatIf, type AnswerableFields, type WhatIf } from '../core/views/what-if.js'
import { checkRoom, checkedPolicies } from './checked-policies.js'
import { createCommander } from './commander.js'
import { ContextNotFoundError, InvalidKeyError, InvalidPolicyError, at } from '../errors/errors.js'
import { dryRun, type DryRun } from './dry-run.js'
import type { ReadHistory } from './history-reader.js'
import { forEachChunk, readContextKeys, readContexts } from './context-reader.js'
import { isoTime, pinToWire, type WirePin } from '../wire/to-wire.js'
import { readModelInputs } from '../replica/model-inputs.js'
import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'
import { readTradeoff, type Tradeoff } from './read-tradeoff.js'
import { policyProblem } from '../core/certificate/policy-problem.js'
import type { Pin } from '../core/judgement/pin.js'

/** Times as the wire has them, ISO 8601. */
type Wire<T> = { [F in keyof T]: F extends 'settles_at' | 'updated_at' ? string : F extends 'pin' ? WirePin | null : T[F] }

export interface PolicyView { readonly key: string, readonly policy: PolicyPatch, readonly effective: Policy }

/** What the policy would do, and has not done. */
export interface PolicyDryRun extends PolicyView, DryRun<PolicyEffect> { readonly dry_run: true }

export interface PolicyRequest extends Origin { readonly dry_run?: boolean }

export interface ContextPage { readonly contexts: Wire<ContextView>[], readonly next: string | null }

export interface ContextFilter { readonly prefix?: string, readonly status?: Status, readonly limit: number, readonly after?: string }

/** What an operator reads and does, context by context; all of it straight from and to the store. */
export interface Contexts {
  readonly list: (filter: ContextFilter) => Promise<ContextPage>
  readonly get: (key: string) => Promise<Wire<ContextView> & { thresholds: ThresholdRow[] }>
  /** What the evidence at hand would certify under another wish; what is absent stays as it is. */
  readonly whatIf: (key: string, wish: Partial<AnswerableFields>) => Promise<WhatIf & { key: string }>
  readonly tradeoff: (key: string) => Promise<Tradeoff>
  readonly policy: (key: string) => Promise<PolicyView>
  /** Puts a policy in place of the one the context states; `null` removes that. */
  readonly setPolicy: (key: string, policy: PolicyPatch | null, wish: PolicyRequest) => Promise<PolicyView | PolicyDryRun>
  readonly setPin: (key: string, pin: PinRequest | null, origin: Required<Origin>) => Promise<void>
  /** Starts a new epoch. */
  readonly reset: (key: string, origin: Required<Origin>) => Promise<void>
}

/** A pin as an operator states it; without `expires_in_seconds` it stays until it is removed. */
export interface PinRequest { readonly threshold: number | null, readonly expires_in_seconds?: number }

/** Contexts read from the store at a time while a page is filled. */
const CHUNK = 200

export function createContexts (store: Store, readHistory: ReadHistory, service: Service, config: Config): Contexts {
  const know = (keys: readonly string[]) => readContexts(store, config, keys)

  async function knowOne (key: string): Promise<{ loaded: LoadedContexts, state: ContextState }> {
    const loaded = await know([key])
    const state = loaded.states.get(key)
    if (state === undefined) throw new ContextNotFoundError(key)
    return { loaded, state }
  }

  function check (key: string, path = '/key'): void {
    if (parseContextKey(config.levels, key) !== null) return
    const example = config.levels.map((level) => `${level}=...`).join(',') || '*'
    throw at(path, new InvalidKeyError(JSON.stringify(key.slice(0, 200)), example))
  }

  async function policyReply (key: string): Promise<PolicyView> {
    const policies = await store.policies()
    return { key, policy: policies.get(key) ?? {}, effective: effectivePolicy(config.defaultPolicy, policies, key) }
  }

  const command = createCommander(store, service)

  async function tryPolicy (key: string, policy: PolicyPatch | null): Promise<PolicyDryRun> {
    const inputs = await readModelInputs(store, config, Date.now())
    const policies = checkedPolicies(config, inputs.policies, key, policy)
    const keys = (await readContextKeys(store, config)).filter((other) => isWithin(other, key))
    const effects: PolicyEffect[] = []
    await forEachChunk(store, config, keys, inputs, (loaded, chunk) => {
      effects.push(...policyEffects(loaded, key, policy, chunk.filter((within) => loaded.states.has(within)), Date.now()))
    })
    const effective = effectivePolicy(config.defaultPolicy, policies, key)
    return { key, policy: policy ?? {}, effective, dry_run: true, ...dryRun(effects) }
  }

  return {
    async list ({ prefix = ROOT, status, limit, after = '' }) {
      check(prefix, '/prefix')
      const keys = (await store.contextKeys())
        .filter((key) => key > after && isWithin(key, prefix) && parseContextKey(config.levels, key) !== null).sort()
      const contexts: Wire<ContextView>[] = []
      for (let i = 0; i < keys.length; i += CHUNK) {
        const chunk = keys.slice(i, i + CHUNK)
        const loaded = await know(chunk)
        await setImmediate() // decisions come first
        for (const key of chunk) {
          if (!loaded.states.has(key)) continue
          const view = describeContext(loaded, key, Date.now())
          if (status !== undefined && view.status !== status) continue
          if (contexts.length === limit) return { contexts, next: contexts.at(-1)!.key }
          contexts.push(onWire(view))
        }
      }
      return { contexts, next: null }
    },

    async get (key) {
      check(key)
      const { loaded, state } = await knowOne(key)
      const { scorer, policy } = linkOf(loaded, key, state)
      const family = candidateOf(state, policy, loaded.predictors, scorer)
      return { ...onWire(describeContext(loaded, key, Date.now())), thresholds: describeThresholds(family, policy) }
    },

    async whatIf (key, wish) {
      check(key)
      const { loaded, state } = await knowOne(key)
      const policy = { ...effectivePolicy(loaded.defaultPolicy, loaded.policies, key), ...wish }
      const problem = policyProblem(policy)
      if (problem !== null) throw at(problem.path, new InvalidPolicyError(`${problem.path.slice(1)} ${problem.message}`))
      return { key, ...whatIf(state, policy, loaded.levels, loaded.predictors) }
    },

    async tradeoff (key) {
      check(key)
      return await readTradeoff(readHistory, await knowOne(key), key)
    },

    async policy (key) {
      check(key)
      return await policyReply(key)
    },

    async setPolicy (key, policy, { dry_run = false, ...origin }) {
      check(key)
      if (dry_run) return await tryPolicy(key, policy)
      await command(async () => {
        checkedPolicies(config, await store.policies(), key, policy)
        return [{ type: 'policy', key, policy, ...origin }]
      })
      return await policyReply(key)
    },

    async setPin (key, wish, origin) {
      check(key)
      await command(async () => {
        if (wish !== null) checkRoom(config, await store.pins(), key)
        return [{ type: 'pin', key, pin: wish && pinOf(wish, origin), ...origin }]
      })
    },

    async reset (key, origin) {
      check(key)
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

function onWire (view: ContextView): Wire<ContextView> {
  return { ...view, pin: pinToWire(view.pin), settles_at: isoTime(view.settles_at), updated_at: isoTime(view.updated_at) }
}
