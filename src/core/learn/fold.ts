import { copyState } from '../judgement/copy-state.js'
import { chainOf } from '../policy/context.js'
import { openEpoch, type ContextState, type EpochCause } from '../judgement/context-state.js'
import { effectiveThreshold, decidesAlone, type EffectiveThreshold } from '../judgement/effective-threshold.js'
import { freezeGuarantee, isInForce, judgeAfresh } from '../judgement/judge.js'
import type { Configuration } from './log-entry.js'
import type { PendingOutcomes } from '../recording/pending.js'
import { effectivePolicy, type Policy, type PolicyPatch } from '../policy/policy.js'
import type { PredictorRef } from '../predictor/fingerprint.js'
import type { Predictor } from '../predictor/predictor.js'
import type { Reservoir } from '../predictor/reservoir.js'
import { haveSameTerms, certificationTerms } from '../policy/certification-terms.js'
import { servingOf, syncTrials } from '../judgement/sync-trials.js'
import { isLive, usablePin, type Pin } from '../judgement/pin.js'
import { chainLink, type ChainLink } from '../judgement/chain-link.js'

/** Samples at which the first predictor is trained. */
export const FIRST_TRAINING = 300

/** What the learner has folded besides the context states; committed with them. */
export interface Ledger {
  readonly configuration: Configuration
  readonly policies: ReadonlyMap<string, PolicyPatch>
  readonly pins: ReadonlyMap<string, Pin>
  /** Contexts that exist. */
  readonly contexts: number
  /** Outcomes that reached no leaf of their own, the store being full of contexts. */
  readonly refused: number
  /** Predictors that are not retired, the newest last, and at how many samples the trainer is to make another. */
  readonly predictors: readonly PredictorRef[]
  readonly train_at: number
}

export function newLedger (configuration: Configuration): Ledger {
  return { configuration, policies: new Map(), pins: new Map(), contexts: 0, refused: 0, predictors: [], train_at: FIRST_TRAINING }
}

/**
 * A move of a context's own threshold, or a drift alarm; `before` equals `after` where the alarm was about a parent's. Of a pin they are
 * what was in force for the context, whosever it was.
 */
export interface Change {
  readonly time: number
  readonly key: string
  readonly cause: 'evidence' | 'pin' | 'predictor' | EpochCause
  readonly epoch: number
  readonly before: number | null
  readonly after: number | null
  /** The predictor whose score each is for; absent: the raw confidence. */
  readonly before_scorer?: string
  /** Which of that name. */
  readonly before_fingerprint?: string
  readonly after_scorer?: string
  /** Where a command caused it: on whose word, and why. */
  readonly by?: string
  readonly reason?: string
}

/** In the place of a change that is damaged where the history has it. */
export interface UnreadableChange {
  /** Of the row, in the order of the history. */
  readonly id: string
  readonly time: number
  readonly key: null
  readonly cause: 'unreadable'
  readonly epoch: null
  readonly before: null
  readonly after: null
  readonly by: string
  readonly reason: string
}

/** Learned state while a run of entries is folded: reads see what was written, and what was written can be committed or dropped whole. */
export interface Fold {
  /** The learner's clock, ms: ahead of the log's where the learner is behind. Until now replicas act on what was learned before. */
  readonly now: number
  ledger: Ledger
  readonly keys: () => Iterable<string>
  readonly get: (key: string) => ContextState | undefined
  readonly set: (key: string, state: ContextState | undefined) => void
  readonly pending: PendingOutcomes
  readonly reservoir: Reservoir
  /** Those of the ledger, in its order. */
  readonly predictors: Map<string, Predictor>
  readonly changes: Change[]
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

/** Stores a context's next state with the threshold its evidence now certifies, and notes the move. */
export function write (
  fold: Fold, key: string, next: ContextState, policy: Policy, time: number, cause: Change['cause'], mayMove: boolean): void {
  const before = fold.get(key)
  const after = mayMove ? withJudgement(fold, next, policy) : next
  fold.set(key, after)
  const isMoved = (before?.threshold_index ?? -1) !== after.threshold_index || (before?.serving ?? null) !== after.serving
  if (isMoved || cause === 'drift') fold.changes.push({ time, key, cause, epoch: next.epoch, ...moveOf(before, after) })
}

type InForceThen = Pick<ContextState, 'threshold' | 'serving' | 'trials'>

/** The move from one state's threshold to another's; absent: never stop. */
export function moveOf (
  before: InForceThen | undefined, after?: InForceThen): Pick<Change, 'before' | 'after' | 'before_scorer' | 'before_fingerprint' | 'after_scorer'> {
  const fingerprint = before && servingOf(before)?.fingerprint
  return {
    before: before?.threshold ?? null,
    after: after?.threshold ?? null,
    ...(before?.serving != null && { before_scorer: before.serving }),
    ...(fingerprint !== undefined && { before_fingerprint: fingerprint }),
    ...(after?.serving != null && { after_scorer: after.serving }),
  }
}

function withJudgement (fold: Fold, state: ContextState, policy: Policy): ContextState {
  const now = judgeAfresh(state, policy, fold.ledger.configuration.levels, fold.predictors)
  const { scorer: serving, index: threshold_index, threshold } = now
  const guarantee = freezeGuarantee(isInForce(state, now) ? state.guarantee : null, now.guarantee)
  const judged_by = certificationTerms(policy)
  if (isInForce(state, now) && guarantee === state.guarantee && haveSameTerms(state.judged_by, judged_by)) return state
  const is_recovering = state.is_recovering && threshold_index === -1
  return copyState(state, { serving, threshold_index, threshold, judged_by, guarantee, is_recovering })
}

/**
 * From when on arrivals count that began after a change of this moment: replicas act on it once it is committed, which is later than `time`
 * by as much as the learner is behind.
 */
export function settledAt ({ now }: Fold, { settle_seconds: settle }: Policy, time: number): number {
  return settle === 0 ? time : Math.max(time, now) + settle * 1000
}

/** A new epoch, with nothing of the last one's evidence; the newest predictor is a challenger again. */
export function startEpoch (
  fold: Fold, previous: ContextState | undefined, cause: EpochCause, policy: Policy, time: number
): ContextState {
  // Before a context's first outcome nothing was in force that replicas could still act on.
  const settled = previous === undefined ? undefined : settledAt(fold, policy, time)
  const { levels } = fold.ledger.configuration
  return syncTrials(openEpoch(previous, cause, policy, levels, time, settled), policy, levels, fold.predictors, time)
}

/** The threshold in force for a leaf, with its ancestors', as the learner's state has them; a pin ends by itself, as in replicas. */
export function forceOf (fold: Fold, leafKey: string, time: number): EffectiveThreshold & { leaf: ChainLink } {
  const standing = (key: string): ChainLink => {
    const state = fold.get(key)
    const { serving: scorer, threshold_index: index, threshold } = state ?? { serving: null, threshold_index: -1, threshold: null }
    const pin = fold.ledger.pins.get(key)
    const live = pin !== undefined && isLive(pin, time) ? usablePin(fold.predictors, pin) : undefined
    return chainLink(key, policyOf(fold.ledger, key), live, state, { scorer, index, threshold, guarantee: null })
  }
  const leaf = standing(leafKey)
  const chain = decidesAlone(leaf) ? [leaf] : chainOf(leafKey).map(standing)
  return { ...effectiveThreshold(chain), leaf }
}
