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

/**
 * Enrols the generation of a step that draws its arm, which its first step does (see docs/concepts/certificate.md).
 * @returns whether the step came too late to enrol: it has no arm, and is past the first check
 */
export function enrolStep (enroller: Pick<Enroller, 'enrol'>, snapshot: Snapshot, step: EnrolledStep): boolean {
  const id = step.group_id ?? step.generation_id
  if (step.arm !== undefined || id === undefined || snapshot.salt === null) return false
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
): boolean {
  const { enrolledShare, controlShare: share, epoch } = rule
  if (enrolledShare === 0) return false
  if (tokens > nextCheckTokens(rule, 0)) return true
  if (sample !== 0) return false
  const u = uniform(salt!, id)
  if (u >= 2 * share) return false
  const hash = secondHash(salt!, id)
  if (hash < enrolledShare) enroller.enrol({ key: rule.context ?? contextKey(levels, context ?? {}), epoch, share }, u, hash)
  return false
}
