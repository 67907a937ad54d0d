import { contextsOfPrefix } from './context-counts.js'
import type { ContextState } from './context-state.js'
import { isUnseen } from '../evidence/gathered-evidence.js'
import { byDepth, chainOf, depthOf, parseContextKey, ROOT } from '../policy/context.js'
import { type Fold, statesWithin } from './fold.js'
import { policyOf } from './ledger.js'
import { startEpoch } from './start-epoch.js'

/** A context without evidence gives way after this time without a report, ms, and not before its follow-up is over. */
const IDLE_MS = 600_000
/** Least time between two searches for contexts that may give way, ms: a search looks at all of them. */
const SEARCH_EVERY_MS = 60_000

/**
 * Creates a context at its first enrolment or outcome. If there is no room, contexts without evidence give way.
 * @param prefix of the token that named it; absent: a token without a prefix
 * @returns its state, which may have existed before; `undefined` if there is no room for another context
 */
export function ensureContext (fold: Fold, key: string, time: number, prefix: string | undefined): ContextState | undefined {
  const state = fold.get(key)
  if (state !== undefined) return state
  if (!hasRoom(fold, prefix)) makeRoom(fold, key, time, prefix)
  if (!hasRoom(fold, prefix)) return undefined
  const { ledger } = fold
  fold.ledger = { ...ledger, contexts: ledger.contexts + 1 }
  fold.counts.add(key)
  const created = startEpoch(fold, key, undefined, { cause: 'first_enrolment', policy: policyOf(ledger, key), time })
  fold.set(key, created)
  return created
}

/** Creates a context and its ancestors. @returns its state; `undefined` if no context can have the key, or there is no room for it */
export function createChain (fold: Fold, key: string, time: number, prefix: string | undefined): ContextState | undefined {
  if (parseContextKey(fold.ledger.configuration.levels, key) === null) return undefined
  let state: ContextState | undefined
  for (const link of chainOf(key)) state = ensureContext(fold, link, time, prefix)
  return state
}

function hasRoom ({ ledger: { contexts, configuration }, counts }: Fold, prefix: string | undefined): boolean {
  const { max_contexts: max, levels } = configuration
  return contexts < max && (prefix === undefined || counts.within(prefix) < contextsOfPrefix(max, levels.length + 1))
}

/** Removes contexts without evidence that have been idle, of the prefix or, if all room is used up, of all, but none above the new one. */
function makeRoom (fold: Fold, created: string, time: number, prefix: string | undefined): void {
  const { searched_at: searched, contexts, configuration: { max_contexts: max, levels } } = fold.ledger
  const under = contexts >= max ? ROOT : prefix ?? ROOT
  const recent = [...searched].filter(([, at]) => time < at + SEARCH_EVERY_MS)
  if (recent.some(([key]) => key === under)) return
  fold.ledger = { ...fold.ledger, searched_at: new Map([...recent, [under, time]]) }
  const chain = chainOf(created)
  for (const [key, state] of statesWithin(fold, under)) {
    if (depthOf(key) === levels.length && mayGiveWay(fold, key, state, time)) removeContext(fold, key)
  }
  const above = byDepth(statesWithin(fold, under).map(([key]) => key).filter((key) => depthOf(key) < levels.length && !chain.includes(key)))
  for (const key of above.reverse()) {
    if (fold.counts.within(key) === 1 && mayGiveWay(fold, key, fold.get(key)!, time)) removeContext(fold, key)
  }
}

function mayGiveWay (fold: Fold, key: string, state: ContextState, time: number): boolean {
  const idleMs = Math.max(IDLE_MS, 1000 * policyOf(fold.ledger, key).follow_up_seconds)
  return time >= state.reports.updated_at + idleMs && !hasEvidence(state) && (fold.cohorts.get(key)?.open ?? 0) === 0
}

/** Whether a context has learned anything that would be lost with it. */
function hasEvidence (state: ContextState): boolean {
  const { epoch, evidence, guards, rule, savings: { sums: { treated, control } }, probes, membership, checkpoint } = state
  const isServed = rule.threshold !== null || membership !== undefined || guards.hold !== null || checkpoint != null
  const hasHistory = probes.form !== null || epoch.looks.count > 0 || guards.breaches > 0
  return !isUnseen(evidence) || isServed || hasHistory || treated.generations + control.samples > 0
}

/** Removes a context with its cohort. */
export function removeContext (fold: Fold, key: string): void {
  for (const id of fold.cohorts.drop(key)) fold.pending.remove(id)
  fold.set(key, undefined)
  fold.counts.remove(key)
  fold.ledger = { ...fold.ledger, contexts: fold.ledger.contexts - 1 }
}
