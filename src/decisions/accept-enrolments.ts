import { contextAccessProblem, forbidden, type Caller } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import { secondHash, uniform } from '../core/assignment/arm.js'
import { ENROLMENT_TIMES } from '../core/enrolment/times.js'
import { ruleFor } from '../core/decide/snapshot.js'
import { contextKey, unknownLevel, type Context } from '../core/policy/context.js'
import { at, UnknownLevelError } from '../errors/errors.js'
import type { Service } from '../replica/service.js'
import { StoreUnavailableError } from '../store/store-errors.js'
import type { Enroller } from './enroller.js'

/** What a local decider has drawn in one context, epoch and control share. */
export interface EnrolmentReport {
  readonly context?: Context
  readonly epoch: string | null
  readonly share: number
  /** Of the oldest draw, ms. */
  readonly age_ms: number
  readonly generations: ReadonlyArray<{ readonly generation_id?: string, readonly group_id?: string, readonly sample?: number }>
}

/** A draw that is older when it comes can't be relied on to be in the log in time. */
const OLDEST_MS = ENROLMENT_TIMES.oldestList / 2

export interface EnrolmentServices {
  readonly config: Pick<Config, 'levels'>
  readonly service: Pick<Service, 'snapshot'>
  readonly enroller: Pick<Enroller, 'enrol'>
}

/**
 * Enrols generations whose arms a worker drew from a bundle, as the service enrols those that it decides itself.
 * @returns how many were enrolled: draws below twice the share, of the share that `label_rate` enrols
 * @throws ForbiddenError, UnknownLevelError; StoreUnavailableError before the store has been reached
 */
export function acceptEnrolments (
  { config: { levels }, service, enroller }: EnrolmentServices, report: EnrolmentReport, caller: Caller): number {
  const { context = {}, epoch, share, age_ms: age, generations } = report
  const level = unknownLevel(levels, context)
  if (level !== null) throw at(`/context/${level}`, new UnknownLevelError(level, levels.join(', ')))
  const problem = contextAccessProblem(caller, levels, context)
  if (problem !== null) throw forbidden(problem)
  const snapshot = service.snapshot()
  const { salt } = snapshot
  if (age > OLDEST_MS) return 0 // with what this replica draws itself in one list, it would make that void
  if (salt === null) throw new StoreUnavailableError('this replica has not reached the store yet')
  const { enrolledShare, context: source } = ruleFor(snapshot, context)
  const drawn = { key: source ?? contextKey(levels, context), epoch, share }
  let enrolled = 0
  for (const { group_id: group, generation_id: id, sample = 0 } of generations) {
    const unit = group ?? id
    if (unit === undefined || sample !== 0) continue
    const u = uniform(salt, unit)
    if (u >= 2 * share) continue
    const hash = secondHash(salt, unit)
    if (hash >= enrolledShare) continue
    enroller.enrol(drawn, u, hash, age)
    enrolled++
  }
  return enrolled
}
