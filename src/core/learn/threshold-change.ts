import type { EpochCause } from '../stats/error-budget.js'
import type { SinceFloor } from '../guards/detector.js'
import type { ContextState } from './context-state.js'
import type { EffectiveThreshold } from './effective-threshold.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'

/**
 * A move of a context's own threshold, a drift alarm, a repaired grader, or a change of which generations report; `before` equals `after`
 * if the threshold stays, as after an alarm that concerned the threshold of a parent. For a pin, and for a member that leaves its pool,
 * they are the thresholds in force for the context, whether its own or inherited.
 */
export interface Change {
  readonly time: number
  readonly key: string
  readonly cause: 'evidence' | 'pin' | 'left_pool' | 'suspended' | 'resumed' | EpochCause
  readonly epoch: number
  readonly before: number | null
  readonly after: number | null
  /** The predictor whose score each threshold is for; absent: the raw confidence. */
  readonly before_scorer?: string
  readonly after_scorer?: string
  /** What an alarm knows of the time before it. */
  readonly alarm?: SinceFloor
  /** Names of the fields that a policy changed, at the context where it was stated. */
  readonly fields?: readonly string[]
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

type Move = Pick<Change, 'before' | 'after' | 'before_scorer' | 'after_scorer'>
type OwnThen = Pick<ContextState, 'epoch' | 'rule'>
type InForceThen = Pick<EffectiveThreshold, 'threshold'> & { readonly source: { readonly policy: Pick<Policy, 'score'> } }

/** The move from one state's threshold to another's; absent: never stop. */
export function moveOf (before: OwnThen | undefined, after?: OwnThen): Move {
  return move(before?.rule.threshold ?? null, before?.epoch.meaning.score, after?.rule.threshold ?? null, after?.epoch.meaning.score)
}

/** The move from one threshold in force to another. */
export function moveInForce (before: InForceThen, after: InForceThen): Move {
  return move(before.threshold, before.source.policy.score, after.threshold, after.source.policy.score)
}

function move (before: number | null, scoreBefore: string | undefined, after: number | null, scoreAfter: string | undefined): Move {
  const [was, is] = [predictorIn(before, scoreBefore), predictorIn(after, scoreAfter)]
  return { before, after, ...(was !== undefined && { before_scorer: was }), ...(is !== undefined && { after_scorer: is }) }
}

/** The predictor whose score a threshold in force is for; `undefined`: there is none. */
function predictorIn (threshold: number | null, score: string | undefined): string | undefined {
  return threshold === null || score === CONFIDENCE ? undefined : score
}
