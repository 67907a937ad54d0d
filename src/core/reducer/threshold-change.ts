import type { ContextState, EpochCause } from '../contexts/context-state.js'
import type { EffectiveThreshold } from '../contexts/effective-threshold.js'
import { servingOf } from '../contexts/trials.js'
import type { Policy } from '../policy/policy.js'

/**
 * A move of a context's own threshold, a drift alarm, a repaired grader, or a change of which generations report; `before` equals `after`
 * if the threshold stays, as after an alarm that concerned the threshold of a parent. For a pin, and for a member that leaves its pool,
 * they are the thresholds in force for the context, whether its own or inherited.
 */
export interface Change {
  readonly time: number
  readonly key: string
  readonly cause: 'evidence' | 'pin' | 'predictor' | 'left_pool' | EpochCause
  readonly epoch: number
  readonly before: number | null
  readonly after: number | null
  /** The predictor whose score each threshold is for; absent: the raw confidence. */
  readonly before_scorer?: string
  /** Fingerprint, since several predictors may have had the name. */
  readonly before_fingerprint?: string
  readonly after_scorer?: string
  /** Modes in force, where a policy changed them. */
  readonly mode_before?: Policy['mode']
  readonly mode_after?: Policy['mode']
  /** If a command caused it: the name of the token, and the reason. */
  readonly by?: string
  readonly reason?: string
}

/** Causes of a withdrawal that operators should look into: stopping loses more than is allowed. Alarms have the same names. */
export const WITHDRAWALS: ReadonlySet<string> = new Set<Change['cause']>(['drift', 'breach', 'left_pool'])

/** Replaces a damaged change of the history. */
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

type Move = Pick<Change, 'before' | 'after' | 'before_scorer' | 'before_fingerprint' | 'after_scorer'>
type OwnThen = Pick<ContextState, 'threshold' | 'serving' | 'trials'>
type InForceThen = Pick<EffectiveThreshold, 'threshold' | 'scorer'>

/** The move from one state's threshold to another's; absent: never stop. */
export function moveOf (before: OwnThen | undefined, after?: OwnThen): Move {
  const fingerprint = before && servingOf(before)?.fingerprint
  return {
    before: before?.threshold ?? null,
    after: after?.threshold ?? null,
    ...(before?.serving != null && { before_scorer: before.serving }),
    ...(fingerprint !== undefined && { before_fingerprint: fingerprint }),
    ...(after?.serving != null && { after_scorer: after.serving }),
  }
}

/** The move from one threshold in force to another. */
export function moveInForce (before: InForceThen, after: InForceThen): Move {
  return {
    before: before.threshold,
    after: after.threshold,
    ...(before.scorer !== null && { before_scorer: before.scorer }),
    ...(after.scorer !== null && { after_scorer: after.scorer }),
  }
}
