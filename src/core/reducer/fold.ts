import type { Arm } from '../assignment/arm.js'
import type { KeptTrace } from '../certificate/trace.js'
import { checkEveryTokens } from '../contexts/check-distance.js'
import { chainLink, type ChainLink } from '../contexts/chain-link.js'
import type { ContextCounts } from '../contexts/context-counts.js'
import { type ContextState, copyState, type EpochCause, openEpoch } from '../contexts/context-state.js'
import { effectiveThreshold, type EffectiveThreshold } from '../contexts/effective-threshold.js'
import { freezeGuarantee, isInForce, judgeAfresh } from '../contexts/judge.js'
import { hasLeft, isLosing, leftEpochOf, type Membership } from '../contexts/membership.js'
import { isLive, type Pin, usablePin } from '../contexts/pin.js'
import type { Cohorts } from '../enrolment/cohorts.js'
import type { EnrolmentTimes } from '../enrolment/enrolment-list.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import { certifyingDepth, certifyingKey, depthOf, isWithin } from '../policy/context.js'
import { type Cadence, certificationTerms, effectivePolicy, haveSameTerms, type Policy, type PolicyPatch } from '../policy/policy.js'
import type { PredictorRef } from '../predictor/predictor-version.js'
import type { Predictor } from '../predictor/predictor.js'
import type { Reservoir } from '../predictor/reservoir.js'
import type { PendingOutcomes } from './pending-outcomes.js'
import type { Configuration } from './log-entry.js'
import { type Change, moveInForce, moveOf } from './threshold-change.js'

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
  /** When contexts that may give way were last searched for, ms, by the key that they were searched under; old searches are left out. */
  readonly searched_at: ReadonlyMap<string, number>
  /** Predictors that are not retired, the newest last, and the number of samples at which the trainer makes another. */
  readonly predictors: readonly PredictorRef[]
  readonly train_at: number
}

export function newLedger (configuration: Configuration): Ledger {
  const none = { policies: new Map(), pins: new Map(), searched_at: new Map(), predictors: [] }
  return { configuration, ...none, contexts: 0, refused: 0, train_at: FIRST_TRAINING }
}

/**
 * Learned state while a run of entries is folded, changed in place: reads see what was written, and what was written can be committed or
 * dropped whole. A function that changes the state of a context takes that state as an argument, stores the next one and returns it, and
 * its caller continues with the returned one. Only states of other contexts are read with `get`.
 */
export interface Fold {
  ledger: Ledger
  readonly keys: () => Iterable<string>
  readonly get: (key: string) => ContextState | undefined
  readonly set: (key: string, state: ContextState | undefined) => void
  /** The state as the fold's own copy, to which outcomes add their counts in place: a copy for each would take a fifth of the time. */
  readonly own: (key: string) => OwnState | undefined
  readonly pending: PendingOutcomes
  readonly cohorts: Cohorts
  readonly counts: ContextCounts
  readonly times: EnrolmentTimes
  /** Id of the entry that is folded. */
  cursor: string
  readonly reservoir: Reservoir
  /** Full traces to keep, by `<context key> <slot>`. */
  readonly traces: Map<string, KeptTrace>
  /** Those of the ledger, in its order. */
  readonly predictors: Map<string, Predictor>
  readonly changes: Change[]
}

export type OwnState = { -readonly [Field in keyof ContextState]: ContextState[Field] }

interface FoldedStates extends Pick<Fold, 'keys' | 'get' | 'set' | 'own'> {
  /** The states that were set or owned; `undefined`: gone. */
  readonly changed: ReadonlyMap<string, ContextState | undefined>
}

/** Changes to committed states, which stay as they are. */
export function foldedStates (committed: ReadonlyMap<string, ContextState>): FoldedStates {
  const changed = new Map<string, ContextState | undefined>()
  const get = (key: string) => {
    const state = changed.get(key)
    return state !== undefined || changed.has(key) ? state : committed.get(key)
  }
  return {
    changed,
    get,
    keys: () => [...new Set([...committed.keys(), ...changed.keys()])].filter((key) => get(key) !== undefined),
    set: (key, state) => { changed.set(key, state) },
    own (key) {
      const state = get(key)
      if (state === undefined || state !== committed.get(key)) return state
      const copy = copyState(state, {})
      changed.set(key, copy)
      return copy
    },
  }
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
export function forgetPoliciesWithin ({ policies, configuration: { levels } }: Ledger, under: string): void {
  const byKey = policyMemo.get(policies)?.byKey
  if (byKey === undefined) return
  if (depthOf(under) === levels.length) byKey.delete(under)
  else for (const key of byKey.keys()) if (isWithin(key, under)) byKey.delete(key)
}

interface WriteOptions {
  readonly policy: Policy
  readonly time: number
  readonly cause: Change['cause']
  /** Whether what is certified may have changed. */
  readonly mayMove: boolean
}

/** Causes that are noted even where the threshold stays. */
const NOTED: ReadonlySet<Change['cause']> = new Set(['drift', 'breach', 'repair', 'recovered'])

/**
 * Stores a context's next state with the threshold that its evidence now certifies, and notes the move from the one stored before.
 * @returns the state as stored
 */
export function writeState (fold: Fold, key: string, next: ContextState, { policy, time, cause, mayMove }: WriteOptions): ContextState {
  const before = fold.get(key)
  const after = mayMove ? withJudgement(fold, next, policy) : next
  fold.set(key, after)
  const isMoved = (before?.threshold ?? null) !== after.threshold
  if (isMoved || NOTED.has(cause)) fold.changes.push({ time, key, cause, epoch: next.epoch, ...moveOf(before, after) })
  if (isMoved && after.threshold_index !== -1) expelLosing(fold, key, after, time)
  return after
}

/** Of the members of a pool, those leave that lose too much at the threshold that has just come into force. */
function expelLosing (fold: Fold, pool: string, { epoch_name: epoch, threshold_index: index }: ContextState, time: number): void {
  for (const [key, state] of statesWithin(fold, pool)) {
    const { membership } = state
    if (membership?.epoch !== epoch) continue
    if (membership.left_at === null && isLosing(membership, index)) setMembership(fold, key, state, { ...membership, left_at: time }, time)
  }
}

/** Stores what a member of a pool has shown, and notes if it has just left. */
export function setMembership (fold: Fold, key: string, state: ContextState, membership: Membership, time: number): void {
  const isLeaving = membership.left_at !== null && !hasLeft(leftEpochOf(state), membership.epoch)
  const before = isLeaving ? thresholdInForce(fold, key, time) : null
  fold.set(key, copyState(state, { membership }))
  if (before === null) return
  fold.changes.push({ time, key, cause: 'left_pool', epoch: state.epoch, ...moveInForce(before, thresholdInForce(fold, key, time)) })
}

function withJudgement (fold: Fold, state: ContextState, policy: Policy): ContextState {
  const now = judgeAfresh(state, policy, fold.ledger.configuration.levels, fold.predictors)
  const { index: threshold_index, threshold } = now
  const guarantee = freezeGuarantee(isInForce(state, now) ? state.guarantee : null, now.guarantee)
  const judged_by = certificationTerms(policy)
  if (isInForce(state, now) && guarantee === state.guarantee && haveSameTerms(state.judged_by, judged_by)) return state
  const log_evidence = isInForce(state, now) ? state.log_evidence : null
  return copyState(state, { threshold_index, threshold, judged_by, guarantee, log_evidence })
}

/** The existing contexts at or below a key, with their states as stored. @param below `false`: only the context itself */
export function statesWithin (fold: Fold, under: string, below = true): Array<readonly [key: string, state: ContextState]> {
  const isSingle = !below || depthOf(under) === fold.ledger.configuration.levels.length
  const keys = isSingle ? [under] : [...fold.keys()].filter((key) => isWithin(key, under))
  return keys.flatMap((key) => {
    const state = fold.get(key)
    return state === undefined ? [] : [[key, state] as const]
  })
}

export interface EpochStart {
  readonly cause: EpochCause
  readonly policy: Policy
  readonly time: number
}

/**
 * Starts an epoch without the evidence of the last one: enrolled generations are dropped.
 * @param previous `undefined` for a new context
 * @returns the state, which the caller stores
 */
export function startEpoch (
  fold: Fold, key: string, previous: ContextState | undefined, { cause, policy, time }: EpochStart): ContextState {
  const until = fold.cohorts.clock + policy.follow_up_seconds * 1000
  for (const id of fold.cohorts.renew(key, fold.cursor, until)) fold.pending.remove(id)
  const { levels } = fold.ledger.configuration
  const { cursor: name, cohorts: { clock }, predictors } = fold
  return openEpoch(previous, cause, policy, levels, { time, name, clock, predictors })
}

/** The threshold in force for a context, as the learner's state has it; a pin ends by itself, as in replicas. */
export function thresholdInForce (fold: Fold, key: string, time: number): EffectiveThreshold {
  const linkOf = (of: string): ChainLink => {
    const state = fold.get(of)
    const { threshold_index: index, threshold } = state ?? { threshold_index: -1, threshold: null }
    const pin = fold.ledger.pins.get(of)
    const live = pin !== undefined && isLive(pin, time) ? usablePin(fold.predictors, pin) : undefined
    return chainLink(of, policyOf(fold.ledger, of), live, state, { index, threshold, guarantee: null })
  }
  const leaf = linkOf(key)
  const { levels } = fold.ledger.configuration
  const { certify_at: certifyAt } = leaf.policy
  const source = depthOf(key) < certifyingDepth(levels, certifyAt) ? key : certifyingKey(levels, certifyAt, key)
  const chain = source === key ? [leaf] : [linkOf(source), leaf]
  return effectiveThreshold(chain, 0)
}

/** When generations of a leaf ask. @param state of the context that certifies for it */
export function cadenceAt ({ ledger }: Fold, leaf: string, state: ContextState | undefined): Cadence {
  const policy = policyOf(ledger, leaf)
  const { check_growth: checkGrowth, min_tokens: minTokens } = policy
  return { checkEveryTokens: checkEveryTokens(policy, state?.check_distance), checkGrowth, minTokens }
}

/** A stopped generation counts as treated whatever arm it reports. Without an arm, a low draw means control, and any other is unknown. */
export function armOf ({ stopped, arm, u }: Pick<LoggedOutcome, 'stopped' | 'arm' | 'u'>, share: number): Arm | null {
  if (stopped) return 'treated'
  return arm ?? (u < share ? 'control' : null)
}
