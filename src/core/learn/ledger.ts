import type { Configuration } from './log-entry.js'
import { effectivePolicy, type Policy, type PolicyPatch } from '../policy/policy.js'
import type { Pin } from '../policy/pin.js'
import type { PredictorRef } from '../scores/predictor-version.js'
import { depthOf, isPattern, isWithin } from '../policy/context.js'

/** Samples at which the first predictor is trained. */
export const FIRST_TRAINING = 300

/** Everything that the learner has folded besides the context states; committed with them. */
export interface Ledger {
  readonly configuration: Configuration
  readonly policies: ReadonlyMap<string, PolicyPatch>
  readonly pins: ReadonlyMap<string, Pin>
  /** Contexts that exist. */
  readonly contexts: number
  /** Outcomes that reached no leaf of their own, since there was no room for their context. */
  readonly refused: number
  /** The contexts that are refused most, with the outcomes that named them since they were first refused: a busy one gets room. */
  readonly waiting: ReadonlyMap<string, Waiting>
  /** When contexts that may give way were last searched for, ms, by the name of the search; old ones are left out. */
  readonly searched_at: ReadonlyMap<string, number>
  /** Predictors that are not retired, the newest last, and the number of samples at which the trainer makes another. */
  readonly predictors: readonly PredictorRef[]
  readonly train_at: number
}

/** Outcomes of a context without room, since a time, ms. */
export interface Waiting { readonly count: number, readonly since: number }

export function newLedger (configuration: Configuration): Ledger {
  const none = { policies: new Map(), pins: new Map(), waiting: new Map(), searched_at: new Map(), predictors: [] }
  return { configuration, ...none, contexts: 0, refused: 0, train_at: FIRST_TRAINING }
}

const policyMemo = new WeakMap<ReadonlyMap<string, PolicyPatch>, { configuration: Configuration, byKey: Map<string, Policy> }>()

/**
 * The policy in force at a key; remembered as long as policies and configuration are the same, but no more than twice as many as there may
 * be contexts: outcomes name others too.
 */
export function policyOf ({ policies, configuration }: Ledger, key: string): Policy {
  let memo = policyMemo.get(policies)
  if (memo?.configuration !== configuration) policyMemo.set(policies, memo = { configuration, byKey: new Map() })
  let policy = memo.byKey.get(key)
  if (policy !== undefined) return policy
  if (memo.byKey.size >= 2 * configuration.max_contexts) memo.byKey.clear()
  memo.byKey.set(key, policy = effectivePolicy(configuration.defaults, policies, key))
  return policy
}

/** Forgets what `policyOf` remembers at and below a key whose policy is about to change in the same table. */
function forgetPoliciesWithin ({ policies, configuration: { levels } }: Ledger, under: string): void {
  const byKey = policyMemo.get(policies)?.byKey
  if (byKey === undefined) return
  if (depthOf(under) === levels.length && !isPattern(under)) byKey.delete(under)
  else for (const key of byKey.keys()) if (isWithin(key, under)) byKey.delete(key)
}

/** What holds a ledger while entries are folded. */
interface Holder { ledger: Ledger }

/** The tables that a fold has copied for itself, and may write to: a client may set thousands of them in a row. */
const ownTables = new WeakMap<Holder, { pins?: Map<string, Pin>, policies?: Map<string, PolicyPatch> }>()

function ownTablesOf (holder: Holder) {
  let own = ownTables.get(holder)
  if (own === undefined) ownTables.set(holder, own = {})
  return own
}

/** Puts a pin into the ledger, or removes it. */
export function setPin (holder: Holder, key: string, pin: Pin | null): void {
  const own = ownTablesOf(holder)
  if (own.pins !== holder.ledger.pins) own.pins = new Map(holder.ledger.pins)
  holder.ledger = { ...holder.ledger, pins: setEntry(own.pins!, key, pin) }
}

/** The same for a policy. */
export function setPolicy (holder: Holder, key: string, policy: PolicyPatch | null): void {
  const own = ownTablesOf(holder)
  if (own.policies !== holder.ledger.policies) own.policies = new Map(holder.ledger.policies)
  forgetPoliciesWithin(holder.ledger, key)
  holder.ledger = { ...holder.ledger, policies: setEntry(own.policies!, key, policy) }
}

function setEntry<T> (table: Map<string, T>, key: string, value: T | null): ReadonlyMap<string, T> {
  if (value === null) table.delete(key); else table.set(key, value)
  return table
}
