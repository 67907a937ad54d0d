import { secondHash, uniform } from '../core/assignment/arm.js'
import type { Step } from '../core/decide/decide.js'
import { ruleFor, type Rule, type Snapshot } from '../core/decide/snapshot.js'
import { nextCheckTokens } from '../core/policy/cadence.js'
import { contextKey, type Context } from '../core/policy/context.js'
import type { Enroller } from './enroller.js'

/** What a first step is enrolled by. */
export interface EnrolledStep extends Pick<Step, 'tokens' | 'context' | 'arm' | 'group_id' | 'generation_id'> {
  /** Number of the sample in its group; only number 0 enrols the group. Absent: not stated. */
  readonly sample?: number
}

/** What a step without an arm did: it put its generation down for enrolment, came too late for that, or neither. */
export type Enrolment = 'enrolled' | 'late' | 'none'

/** Enrols the generation of a step that draws its arm, which its first step does (see docs/concepts/certificate.md). */
export function enrolStep (enroller: Pick<Enroller, 'enrol'>, snapshot: Snapshot, step: EnrolledStep): Enrolment {
  const id = step.group_id ?? step.generation_id
  if (step.arm !== undefined || id === undefined || snapshot.salt === null) return 'none'
  return enrolDraw(enroller, snapshot, ruleFor(snapshot, step.context), { ...step, id })
}

/** A step without an arm, and the id that draws it: of its group, or its own. */
interface Draw {
  readonly id: string
  readonly tokens: number
  readonly context?: Context | undefined
  readonly sample?: number | undefined
}

/** The same of a step of columns, whose rule is known. It must have no arm. */
export function enrolDraw (
  enroller: Pick<Enroller, 'enrol'>, { salt, levels }: Snapshot, rule: Rule, { id, tokens, context, sample = 0 }: Draw
): Enrolment {
  const { enrolledShare, controlShare: share, epoch } = rule
  if (enrolledShare === 0) return 'none'
  if (tokens > nextCheckTokens(rule, 0)) return 'late'
  if (sample !== 0) return 'none'
  const u = uniform(salt!, id)
  if (u >= 2 * share) return 'none'
  const hash = secondHash(salt!, id)
  if (hash >= enrolledShare) return 'none'
  enroller.enrol({ key: rule.context ?? contextKey(levels, context ?? {}), epoch, share }, u, hash)
  return 'enrolled'
}
