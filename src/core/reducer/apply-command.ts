import { NO_ARMS } from '../contexts/arms.js'
import { type BreachHold, laterHold } from '../certificate/breach.js'
import { NO_FIDELITY } from '../certificate/fidelity.js'
import { NO_DRIFT } from '../certificate/drift.js'
import { type ContextState, copyState, type EpochCause, requestGuarantee } from '../contexts/context-state.js'
import { mayCertify, withoutNewCertificates } from '../contexts/evidence-checks.js'
import { isCurrent } from '../contexts/judge.js'
import { restartDetector } from '../contexts/membership.js'
import type { Pin } from '../contexts/pin.js'
import { certifiedNow, scoredEvidence } from '../contexts/scored-evidence.js'
import { byDepth, certifyingDepth, chainOf, parseContextKey, ROOT } from '../policy/context.js'
import { certificationTerms, haveSameTerms, type Policy, type PolicyPatch } from '../policy/policy.js'
import { refTo } from '../predictor/predictor-version.js'
import { removeContext } from './context-room.js'
import { moveShare } from './control-share.js'
import { type Fold, forgetPoliciesWithin, policyOf, startEpoch, statesWithin, thresholdInForce, writeState } from './fold.js'
import type { Command, Configuration, Origin, PredictorEntry } from './log-entry.js'
import { moveInForce, moveOf } from './threshold-change.js'

/**
 * Puts other policies in force for all contexts at or below a key.
 * @param change changes the ledger
 */
function applyPolicies (fold: Fold, time: number, under: string, change: () => void, cause: EpochCause = 'policy'): void {
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
      : startEpoch(fold, key, copyState(state, { hold: laterHold(state.hold, regrouped.get(key) ?? null) }), { cause, policy, time })
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
function regroupedBy ({ ledger, get }: Fold, before: ReadonlyMap<string, Policy>): Map<string, BreachHold | null> {
  const { levels } = ledger.configuration
  const regrouped = new Map<string, BreachHold | null>()
  for (const [key, policy] of before) {
    const [was, is] = [certifyingDepth(levels, policy.certify_at), certifyingDepth(levels, policyOf(ledger, key).certify_at)]
    if (was === is) continue
    const [last, next] = [chainOf(key)[was], chainOf(key)[is]]
    const hold = last === undefined ? null : get(last)?.hold ?? null
    for (const link of [last, next]) if (link !== undefined) regrouped.set(link, laterHold(regrouped.get(link) ?? null, hold))
  }
  return regrouped
}

/**
 * Orders pins that move in one step so that the history of each shows the rules in force before and after the whole step: removed pins come
 * first, parents before children, then new ones, children before parents.
 */
export function inStep<P extends { readonly key: string, readonly pin: Pin | null }> (pins: readonly P[]): P[] {
  const byKey = new Map(pins.map((one) => [one.key, one]))
  const ordered = byDepth(byKey.keys()).map((key) => byKey.get(key)!)
  return [...ordered.filter(({ pin }) => pin === null), ...ordered.filter(({ pin }) => pin !== null).reverse()]
}

/** Puts a pin in force, or removes it; the history has the threshold in force before and after. */
export function applyPin (fold: Fold, time: number, key: string, pin: Pin | null, origin: Origin): void {
  const last = fold.ledger.pins.get(key)
  // Of a removed pin that has expired, the history shows the threshold while it was in force.
  const ended = pin === null ? last?.expires_at ?? Infinity : Infinity
  const before = thresholdInForce(fold, key, Math.min(time, ended - 1))
  fold.ledger = { ...fold.ledger, pins: withPin(fold, key, pin) }
  for (const [below, state] of statesWithin(fold, key)) {
    const restarted = { ...state, ...comparisonFromNow(fold, below) }
    fold.set(below, restarted)
    moveShare(fold, below, restarted, time)
  }
  if (last === undefined && pin === null) return // nothing was there
  const move = moveInForce(before, thresholdInForce(fold, key, time))
  fold.changes.push({ time, key, cause: 'pin', epoch: fold.get(key)?.epoch ?? 0, ...move, ...signature(origin) })
}

/** Puts a policy in force, or removes it; noted even where no threshold moves, since decisions may. */
export function applyPolicy (fold: Fold, time: number, key: string, policy: PolicyPatch | null, origin: Origin): void {
  const count = fold.changes.length
  const before = policyOf(fold.ledger, key).mode
  applyPolicies(fold, time, key, () => { fold.ledger = { ...fold.ledger, policies: withPolicy(fold, key, policy) } })
  const moves = fold.changes.splice(count)
  const after = policyOf(fold.ledger, key).mode
  const modes = before === after ? {} : { mode_before: before, mode_after: after }
  for (const move of moves) fold.changes.push({ ...move, ...(move.key === key && modes), ...signature(origin) })
  if (moves.some((move) => move.key === key)) return
  const state = fold.get(key)
  fold.changes.push({ time, key, cause: 'policy', epoch: state?.epoch ?? 0, ...moveOf(state, state), ...modes, ...signature(origin) })
}

function signature ({ by, reason }: Origin): Origin {
  return { by, ...(reason !== undefined && { reason }) }
}

/** The tables that a fold has copied for itself, and may write to: a client may set thousands of them in a row. */
const ownTables = new WeakMap<Fold, { pins?: Map<string, Pin>, policies?: Map<string, PolicyPatch> }>()

function ownTablesOf (fold: Fold) {
  let own = ownTables.get(fold)
  if (own === undefined) ownTables.set(fold, own = {})
  return own
}

function withPin (fold: Fold, key: string, pin: Pin | null): ReadonlyMap<string, Pin> {
  const own = ownTablesOf(fold)
  if (own.pins !== fold.ledger.pins) own.pins = new Map(fold.ledger.pins)
  return setEntry(own.pins!, key, pin)
}

function withPolicy (fold: Fold, key: string, policy: PolicyPatch | null): ReadonlyMap<string, PolicyPatch> {
  const own = ownTablesOf(fold)
  if (own.policies !== fold.ledger.policies) own.policies = new Map(fold.ledger.policies)
  forgetPoliciesWithin(fold.ledger, key)
  return setEntry(own.policies!, key, policy)
}

function setEntry<T> (table: Map<string, T>, key: string, value: T | null): ReadonlyMap<string, T> {
  if (value === null) table.delete(key); else table.set(key, value)
  return table
}

/**
 * A changed bar is compared with the current evidence; a changed tolerance restarts the detectors of drift and breach, a changed mode the
 * comparison of the arms.
 */
function withRequest (
  fold: Fold, key: string, state: ContextState, change: { readonly before: Policy, readonly policy: Policy }
): ContextState {
  const { before, policy } = change
  const isSameBound = before.max_em_drop === policy.max_em_drop
  const { drift_final, drift, fidelity } = isSameBound ? state : withoutAlarms(state)
  const membership = isSameBound ? state.membership : state.membership && restartDetector(state.membership)
  const requested = { ...requestGuarantee(state, policy), drift_final, drift, fidelity, membership }
  const next = { ...requested }
  if (before.mode !== policy.mode) Object.assign(next, comparisonFromNow(fold, key))
  return haveSameTerms(certificationTerms(before), policy) ? next : withCertifiedNow(next, policy, fold)
}

/** The counts of the detectors are evidence against the tolerance of that time only. */
function withoutAlarms ({ fidelity }: ContextState): Pick<ContextState, 'drift_final' | 'drift' | 'fidelity'> {
  return { drift_final: NO_DRIFT, drift: NO_DRIFT, fidelity: { ...fidelity, detector: NO_FIDELITY.detector } }
}

/** Certifies from the present evidence, regardless of certificates under earlier terms. */
function withCertifiedNow (state: ContextState, policy: Policy, { predictors }: Fold): ContextState {
  const next = { ...state, certified: certifiedNow(scoredEvidence(state, policy, predictors), policy) }
  return mayCertify(state, policy) ? next : withoutNewCertificates(state, next, policy)
}

/** Restarts the comparison of the arms and fidelity, since earlier generations began under another mode or pin. */
function comparisonFromNow (fold: Fold, key: string): Pick<ContextState, 'arms' | 'fidelity'> {
  for (const id of fold.cohorts.get(key)?.clearStops() ?? []) fold.pending.remove(id)
  return { arms: NO_ARMS, fidelity: NO_FIDELITY }
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
    if (state.threshold_index !== -1) fold.changes.push({ time, key, cause: 'configuration', epoch: state.epoch, ...moveOf(state) })
    removeContext(fold, key)
  }
  const contexts = all.length - gone.length
  applyPolicies(fold, time, ROOT, () => { fold.ledger = { ...fold.ledger, configuration, contexts } }, 'configuration')
}

/** Name under which the service records its own commands. */
export const SERVICE = 'stopgate'

/**
 * Starts an epoch in a context and everything below it; noted even where there was no threshold to lose. By a reset an operator says that
 * the cause of a breach is gone. The service resets a context when something is damaged, which says nothing of the cause, and nobody chose
 * to look again.
 */
export function applyReset (fold: Fold, time: number, { key: under, below, ...origin }: ResetEntry): void {
  const opened: Array<readonly [key: string, state: ContextState]> = []
  for (const [key, state] of statesWithin(fold, under, below)) {
    const started = startEpoch(fold, key, state, { cause: 'reset', policy: policyOf(fold.ledger, key), time })
    const next = copyState(started, origin.by === SERVICE ? { looks: state.looks } : { hold: null })
    fold.set(key, next)
    opened.push([key, next])
    fold.changes.push({ time, key, cause: 'reset', epoch: next.epoch, ...moveOf(state), ...signature(origin) })
  }
  for (const [key, state] of opened) moveShare(fold, key, state, time)
}

type ResetEntry = Extract<Command, { type: 'reset' }>

/** Name under which the service records the predictors that it trains. */
export const TRAINER = 'trainer'

/** The next predictor is due at this multiple of the samples of the last one, or at this many more, whichever comes first. */
const GROWTH = 4
const MAX_GENERATIONS_BETWEEN = 20_000

/** Adds, retires or deletes a predictor. Where it is the score, evidence means something else from now on: a new epoch begins. */
export function applyPredictor (fold: Fold, time: number, { name, version, by }: PredictorEntry): void {
  const isLive = version !== null && version.retired_at === null
  fold.predictors.delete(name)
  if (isLive) fold.predictors.set(name, version.predictor)
  fold.ledger = { ...fold.ledger, predictors: [...fold.predictors.values()].map(refTo) }
  if (isLive && by === TRAINER) {
    const { added } = fold.reservoir
    fold.ledger = { ...fold.ledger, train_at: Math.min(GROWTH * added, added + MAX_GENERATIONS_BETWEEN) }
  }
  const { levels } = fold.ledger.configuration
  for (const [key, state] of statesWithin(fold, ROOT)) {
    const policy = policyOf(fold.ledger, key)
    if (policy.score !== name || isCurrent(state, policy, levels, fold.predictors)) continue
    const next = startEpoch(fold, key, state, { cause: 'predictor', policy, time })
    moveShare(fold, key, writeState(fold, key, next, { policy, time, cause: 'predictor', mayMove: true }), time)
  }
}
