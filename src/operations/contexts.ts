import { setImmediate } from 'node:timers/promises'
import type { Caller } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import { candidateOf } from '../core/judgement/candidate-scorer.js'
import { linkOf, type LoadedContexts } from '../core/judgement/chain-link.js'
import { openEpoch, type ContextState } from '../core/judgement/context-state.js'
import { isCertifying } from '../core/policy/certifying-link.js'
import { depthOf, isWithin, ROOT } from '../core/policy/context.js'
import { effectivePolicy } from '../core/policy/policy.js'
import { windowProblem } from '../core/certificate/window-problem.js'
import { policyProblem } from '../core/policy/policy-problem.js'
import { describeContext, type ContextView, type Status } from '../core/views/describe-context.js'
import { describeThresholds } from '../core/views/describe-thresholds.js'
import { cadenceProblem } from '../core/views/replay-traces.js'
import { whatIf, type AnswerableFields } from '../core/views/what-if.js'
import { at, ContextNotFoundError, InvalidPolicyError } from '../errors/errors.js'
import type { Store } from '../store/store.js'
import { isoTime, pinToWire, poolToWire } from '../wire/to-wire.js'
import { checkKey } from './check-key.js'
import { readContextKeys, readContexts } from './context-reader.js'
import type { ReadHistory } from './history-reader.js'
import { membersOf } from './pool-members.js'
import { readTradeoff } from './read-tradeoff.js'
import type { Scan } from './scan-fleet.js'
import { readWantedLabels, type WantedLabelsQuery } from './read-wanted-labels.js'

export interface ContextFilter { readonly prefix?: string, readonly status?: Status, readonly limit: number, readonly after?: string }

export type Contexts = ReturnType<typeof createContexts>

/** Contexts read from the store at a time while a page is filled. */
const CHUNK = 200

/** What an operator reads about contexts, straight from the store. @param scan reads all contexts, which shows the members of a pool */
export function createContexts (store: Store, readHistory: ReadHistory, config: Config, scan: () => Promise<Scan>) {
  /** @throws InvalidKeyError, ContextNotFoundError */
  async function load (key: string): Promise<{ loaded: LoadedContexts, state: ContextState }> {
    checkKey(config, key)
    const loaded = await readContexts(store, config, [key])
    const state = loaded.states.get(key) ?? unseenPool(loaded, key)
    if (state === undefined) throw new ContextNotFoundError(key)
    return { loaded: { ...loaded, states: new Map(loaded.states).set(key, state) }, state }
  }

  return {
    async list ({ prefix = ROOT, status, limit, after = '' }: ContextFilter) {
      checkKey(config, prefix, '/prefix')
      const keys = (await readContextKeys(store, config)).filter((key) => key > after && isWithin(key, prefix)).sort()
      const contexts: Array<ReturnType<typeof onWire>> = []
      for (let i = 0; i < keys.length; i += CHUNK) {
        const chunk = keys.slice(i, i + CHUNK)
        const loaded = await readContexts(store, config, chunk)
        await setImmediate() // decisions come first
        for (const key of chunk) {
          if (!loaded.states.has(key)) continue
          const view = describeContext(loaded, key)
          if (status !== undefined && view.status !== status) continue
          if (contexts.length === limit) return { contexts, next: contexts.at(-1)!.key }
          contexts.push(onWire(view))
        }
      }
      return { contexts, next: null }
    },

    async get (key: string) {
      const { loaded, state } = await load(key)
      const { scorer, policy } = linkOf(loaded, key, state)
      const candidate = candidateOf(state, policy, loaded.predictors, scorer)
      const isPool = depthOf(key) < loaded.levels.length && isCertifying(loaded.levels, policy.certify_at, key)
      const members = isPool ? membersOf(await scan(), key) : null
      return { ...onWire(describeContext(loaded, key)), thresholds: describeThresholds(candidate, policy), members }
    },

    /** What the present evidence would certify under other terms; absent terms stay as they are. */
    async whatIf (key: string, terms: Partial<AnswerableFields>) {
      const { loaded, state } = await load(key)
      const policy = { ...effectivePolicy(loaded.defaultPolicy, loaded.policies, key), ...terms }
      const problem = windowProblem(policy) ?? policyProblem(policy, loaded.levels)
      if (problem !== null) throw at(problem.path, new InvalidPolicyError(`${problem.path.slice(1)} ${problem.message}`))
      if (terms.check_every_tokens === undefined && terms.check_growth === undefined) {
        return { key, ...whatIf(state, policy, loaded.levels, loaded.predictors) }
      }
      const unknown = cadenceProblem(state.meaning, policy)
      if (unknown !== null) throw at(unknown.path, new InvalidPolicyError(`${unknown.path.slice(1)} ${unknown.message}`))
      return { key, ...whatIf(state, policy, loaded.levels, loaded.predictors, await store.readTraces(key)) }
    },

    wantedLabels: (key: string, query: WantedLabelsQuery, caller: Caller) => readWantedLabels(store, config, key, query, caller),

    async tradeoff (key: string) { return await readTradeoff(readHistory, await load(key), key) },
  }
}

/** The state of a pool before its first outcome, where a policy of its own makes the context one; other contexts have none. */
function unseenPool ({ levels, defaultPolicy, policies }: LoadedContexts, key: string): ContextState | undefined {
  const policy = effectivePolicy(defaultPolicy, policies, key)
  const isPool = policies.has(key) && depthOf(key) < levels.length && isCertifying(levels, policy.certify_at, key)
  return isPool ? openEpoch(undefined, 'first_enrolment', policy, levels, { time: Date.now(), name: '' }) : undefined
}

/** Times as replies have them, ISO 8601. */
function onWire (view: ContextView) {
  return { ...view, pin: pinToWire(view.pin), pool: poolToWire(view.pool), updated_at: isoTime(view.updated_at) }
}
