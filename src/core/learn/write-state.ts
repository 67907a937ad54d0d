import { certificationTerms, haveSameTerms, type Policy } from '../policy/policy.js'
import type { SinceFloor } from '../guards/detector.js'
import { type Change, moveInForce, moveOf } from './threshold-change.js'
import { type Fold, statesWithin } from './fold.js'
import type { ContextState } from './context-state.js'
import { hasLeft, isLosing, leftEpochOf, type Membership } from '../evidence/membership.js'
import { thresholdInForce } from './threshold-in-force.js'
import { freezeGuarantee } from './guarantee.js'
import { isInForce, judgeAfresh } from './judge.js'

interface WriteOptions {
  readonly policy: Policy
  readonly time: number
  readonly cause: Change['cause']
  /** Whether the certified thresholds may have changed. */
  readonly mayMove: boolean
  /** Of an alarm that has ended the last epoch. */
  readonly alarm?: SinceFloor | null
}

/** Causes that are noted even where the threshold stays. */
const NOTED: ReadonlySet<Change['cause']> = new Set(['drift', 'breach', 'repair', 'recovered'])

/**
 * Stores a context's next state with the threshold that its evidence now certifies, and notes the move from the one stored before.
 * @returns the state as stored
 */
export function writeState (fold: Fold, key: string, next: ContextState, options: WriteOptions): ContextState {
  const { policy, time, cause, mayMove, alarm } = options
  const before = fold.get(key)
  const after = mayMove ? withJudgement(fold, next, policy) : next
  fold.set(key, after)
  const isMoved = (before?.rule.threshold ?? null) !== after.rule.threshold
  if (isMoved || NOTED.has(cause)) {
    fold.changes.push({ time, key, cause, epoch: next.epoch.number, ...moveOf(before, after), ...(alarm && { alarm }) })
  }
  if (isMoved && after.rule.index !== -1) expelLosing(fold, key, after, time)
  return after
}

/** Of the members of a pool, those leave that lose too much at the threshold that has just come into force. */
function expelLosing (fold: Fold, pool: string, { epoch: { name: epoch }, rule: { index } }: ContextState, time: number): void {
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
  fold.set(key, { ...state, membership })
  if (before === null) return
  fold.changes.push({ time, key, cause: 'left_pool', epoch: state.epoch.number, ...moveInForce(before, thresholdInForce(fold, key, time)) })
}

function withJudgement (fold: Fold, state: ContextState, policy: Policy): ContextState {
  const { rule, evidence } = state
  const now = judgeAfresh(state, policy, fold.ledger.configuration.levels, fold.predictors)
  const isSame = isInForce(state, now)
  const guarantee = freezeGuarantee(isSame ? rule.guarantee : null, now.guarantee)
  const judged_by = certificationTerms(policy)
  if (isSame && guarantee === rule.guarantee && haveSameTerms(rule.judged_by, judged_by)) return state
  const { index, threshold } = now
  const next = { ...state, rule: { ...rule, index, threshold, judged_by, guarantee, was_in_force: rule.was_in_force || index !== -1 } }
  return isSame ? next : { ...next, evidence: { ...evidence, log_evidence: null } }
}
