import { type Context, contextKey } from '../policy/context.js'
import { nextCheckTokens } from '../policy/policy.js'
import { secondHash } from './arm.js'
import type { ContextRule } from './rule.js'
import type { Snapshot } from './snapshot.js'

/** The properties that all draws of one entry share. */
export interface DrawnIn {
  /** Key of the context that gathers the evidence. */
  readonly key: string
  /** Name of its epoch; `null`: none is known. */
  readonly epoch: string | null
  /** Control share at which they were drawn. */
  readonly share: number
  /** The prefix that the caller's token is bound to; absent: none. */
  readonly prefix?: string
}

/** A step that drew its arm. */
interface Draw {
  /** The draw, in [0, 1). */
  readonly u: number
  /** The id of the group, or of the generation. */
  readonly id: string
  readonly tokens: number
  readonly context?: Context | undefined
  /** Number of the sample in its group; only number 0 enrols the group. Absent: not stated. */
  readonly sample?: number | undefined
}

/** Takes the generations to enrol. */
export interface EnrolmentSink {
  /** @param u the draw, and `hash` the second hash of the same id, both in [0, 1) */
  readonly enrol: (drawn: DrawnIn, u: number, hash: number) => void
}

/** The effect of a draw: its generation was enrolled, was too late for enrolment, or neither. */
export type Enrolment = 'enrolled' | 'late' | 'none'

/**
 * The second hash of a draw that is enrolled: one that is control, in the share that `label_rate` enrols.
 * @returns `null` if the draw is not enrolled
 */
export function enrolledHash (salt: string, id: string, u: number, share: number, enrolledShare: number): number | null {
  if (u >= share) return null
  const hash = secondHash(salt, id)
  return hash < enrolledShare ? hash : null
}

/**
 * Rule E1: enrols the generation of a step that drew its arm, as its first step does (see docs/concepts/certificate.md).
 * @param rule of the step's context, by which the arm was drawn
 */
export function enrolDraw (
  sink: EnrolmentSink, { salt, levels }: Pick<Snapshot, 'salt' | 'levels'>, rule: ContextRule, { u, id, tokens, context, sample = 0 }: Draw
): Enrolment {
  const { enrolledShare, evidenceShare: share, epoch } = rule
  if (salt === null || enrolledShare === 0) return 'none'
  if (tokens > nextCheckTokens(rule, 0)) return 'late'
  const hash = sample === 0 ? enrolledHash(salt, id, u, share, enrolledShare) : null
  if (hash === null) return 'none'
  sink.enrol({ key: rule.context ?? contextKey(levels, context ?? {}), epoch, share }, u, hash)
  return 'enrolled'
}
