import { contextsOfPrefix } from './context-counts.js'
import type { ContextState } from './context-state.js'
import { unitsOfFirstCertificate } from '../stats/certificate.js'
import { firstBar } from '../stats/error-budget.js'
import { testedBound } from '../stats/judge-errors.js'
import { isUnseen } from '../evidence/gathered-evidence.js'
import { byDepth, chainOf, depthOf, parseContextKey, ROOT } from '../policy/context.js'
import { type Fold, statesWithin } from './fold.js'
import { policyOf, type Waiting } from './ledger.js'
import { moveToday } from './savings-by-day.js'
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

/** Contexts without room whose outcomes are counted. One that sends more than one in 64 of the refused outcomes keeps its count. */
const MAX_WAITING = 64
/** Outcomes within an hour for which a context without room may take the place of another one. */
const LEAST_WAITING = 16
const WAITING_MS = 3_600_000
/** Least time between two searches for contexts that are less busy, ms. */
const TAKE_EVERY_MS = 1000
/** How many times as busy as another one a context must be to take its place. */
const BUSIER = 2

/**
 * Counts an outcome for whose context there is no room. A busy one takes the place of those that are least busy: otherwise contexts that
 * somebody invented, with an outcome each, would hold the room for ever.
 * @param chain of the context, from the root
 */
export function takePlace (fold: Fold, chain: readonly string[], time: number, prefix: string | undefined): void {
  const leaf = chain.at(-1)!
  const { count, since } = countWaiting(fold, leaf, time)
  if (count < LEAST_WAITING) return
  const { contexts, configuration: { max_contexts: max, levels } } = fold.ledger
  const places = chain.filter((key) => fold.get(key) === undefined).length
  const beyondShare = prefix === undefined ? 0 : placesBeyondShare(fold, prefix, places)
  const under = beyondShare > 0 ? prefix! : ROOT
  if (!maySearch(fold, `busier than ${under}`, TAKE_EVERY_MS, time)) return
  const pace = count / (time - since + 1)
  const idle = statesWithin(fold, under).flatMap(([key, state]) => {
    if (depthOf(key) < levels.length || isKept(fold, key, state)) return []
    const traffic = trafficOf(state)
    const isLess = BUSIER * traffic <= count && BUSIER * traffic <= pace * (time - state.epoch.started_at + 1)
    return isLess ? [{ key, traffic }] : []
  }).sort((a, b) => a.traffic - b.traffic)
  const leaving = Math.max(contexts + places - max, beyondShare)
  if (idle.length < leaving) return
  for (const { key } of idle.slice(0, leaving)) removeContext(fold, key)
  for (const link of chain) ensureContext(fold, link, time, prefix)
}

/** Counts in little room (Misra and Gries 1982): what is counted is at most what came. */
function countWaiting (fold: Fold, key: string, time: number): Waiting {
  const recent = [...fold.ledger.waiting].filter(([, { since }]) => time < since + WAITING_MS)
  const waiting = new Map(recent)
  const { count, since } = waiting.get(key) ?? { count: 0, since: time }
  const counted = { count: count + 1, since }
  if (count > 0 || waiting.size < MAX_WAITING) waiting.set(key, counted)
  else for (const [other, { count, since }] of recent) waiting.set(other, { count: count - 1, since })
  for (const [other, { count }] of waiting) if (count === 0) waiting.delete(other)
  fold.ledger = { ...fold.ledger, waiting }
  return counted
}

/** Whether a search may run now: it looks at all contexts. @param every least time between two of that name, ms */
function maySearch (fold: Fold, name: string, every: number, time: number): boolean {
  const recent = [...fold.ledger.searched_at].filter(([, at]) => time < at + SEARCH_EVERY_MS)
  if (recent.some(([other, at]) => other === name && time < at + every)) return false
  fold.ledger = { ...fold.ledger, searched_at: new Map([...recent.filter(([other]) => other !== name), [name, time]]) }
  return true
}

/** Generations, reported or only begun, of a context in its first epoch. */
const trafficOf = ({ reports: { generations, follow_up: { enrolled } } }: ContextState): number => Math.max(generations, enrolled)

/**
 * Whether a context stays however little it is used. One that has ended an epoch would lose what withdrew its threshold; and one with the
 * units of a first certificate would begin again with the error level that they have used (rule E9).
 */
function isKept (fold: Fold, key: string, { epoch, evidence, guards, rule, membership, checkpoint }: ContextState): boolean {
  const isServed = rule.threshold !== null || guards.hold !== null || membership?.left_at != null || checkpoint != null
  if (isServed || epoch.number > 1 || guards.breaches > 0) return true
  const policy = policyOf(fold.ledger, key)
  const { final, open } = evidence
  return final.generations + open.evidence.generations + open.unaccounted >= unitsOfFirstCertificate(testedBound(policy), firstBar(policy))
}

/** Creates a context and its ancestors. @returns its state; `undefined` if no context can have the key, or there is no room for it */
export function createChain (fold: Fold, key: string, time: number, prefix: string | undefined): ContextState | undefined {
  if (parseContextKey(fold.ledger.configuration.levels, key) === null) return undefined
  let state: ContextState | undefined
  for (const link of chainOf(key)) state = ensureContext(fold, link, time, prefix)
  return state
}

function hasRoom (fold: Fold, prefix: string | undefined): boolean {
  const { contexts, configuration: { max_contexts: max } } = fold.ledger
  return contexts < max && (prefix === undefined || placesBeyondShare(fold, prefix, 1) <= 0)
}

/** Places by which further contexts would exceed the share of a prefix; negative where there is room. */
function placesBeyondShare ({ ledger, counts }: Fold, prefix: string, places: number): number {
  const { max_contexts: max, levels } = ledger.configuration
  return counts.within(prefix) + places - contextsOfPrefix(max, levels.length + 1)
}

/** Removes contexts without evidence that have been idle, of the prefix or, if all room is used up, of all, but none above the new one. */
function makeRoom (fold: Fold, created: string, time: number, prefix: string | undefined): void {
  const { contexts, configuration: { max_contexts: max, levels } } = fold.ledger
  const under = contexts >= max ? ROOT : prefix ?? ROOT
  if (!maySearch(fold, under, SEARCH_EVERY_MS, time)) return
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
  moveToday(fold, key)
  fold.set(key, undefined)
  fold.counts.remove(key)
  fold.ledger = { ...fold.ledger, contexts: fold.ledger.contexts - 1 }
}
