import { secondHash } from '../assignment/arm.js'
import type { DrawnIn } from '../enrolment/draw-buffer.js'
import { nextCheckTokens } from '../policy/cadence.js'
import { contextKey, type Context } from '../policy/context.js'
import type { Rule, Snapshot } from './snapshot.js'

/** A step that drew its arm. */
export interface Draw {
  /** The draw, in [0, 1). */
  readonly u: number
  /** The id that it is drawn from: of the group, or of the generation. */
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

/** The effect of a draw: its generation was put down for enrolment, came too late for that, or neither. */
export type Enrolment = 'enrolled' | 'late' | 'none'

/**
 * Enrols the generation of a step that drew its arm, as its first step does (see docs/concepts/certificate.md).
 * @param rule of the step's context, by which the arm was drawn
 */
export function enrolDraw (
  sink: EnrolmentSink, { salt, levels }: Pick<Snapshot, 'salt' | 'levels'>, rule: Rule, { u, id, tokens, context, sample = 0 }: Draw
): Enrolment {
  const { enrolledShare, controlShare: share, epoch } = rule
  if (salt === null || enrolledShare === 0) return 'none'
  if (tokens > nextCheckTokens(rule, 0)) return 'late'
  if (sample !== 0 || u >= 2 * share) return 'none'
  const hash = secondHash(salt, id)
  if (hash >= enrolledShare) return 'none'
  sink.enrol({ key: rule.context ?? contextKey(levels, context ?? {}), epoch, share }, u, hash)
  return 'enrolled'
}
