import type { Config } from '../config/config.js'
import { unknownLevel } from '../core/policy/context.js'
import { outcomeProblem, type ReportedOutcome } from '../core/grading/outcome.js'
import { joinRecords } from './join-records.js'
import type { Metrics } from '../metrics/metrics.js'
import { scopedId } from '../access/scoped-id.js'
import type { Caller } from '../access/context-access.js'
import type { Recorder } from './recorder.js'
import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'
import type { Problem } from '../errors/problem.js'
import { StoreUnavailableError } from '../store/store-errors.js'

/** What the schema can't say about an outcome: an unknown level, or parts that contradict each other. */
export function reportProblem ({ levels }: Config, outcome: ReportedOutcome): Problem | null {
  const level = outcome.context === undefined ? null : unknownLevel(levels, outcome.context)
  if (level !== null) return { path: `/context/${level}`, message: `unknown context level: the levels are ${levels.join(', ')} (CONTEXT_LEVELS)` }
  return outcomeProblem(outcome)
}

export interface ReportServices {
  readonly store: Pick<Store, 'kind' | 'recorded' | 'append'>
  readonly service: Pick<Service, 'snapshot'>
  readonly recorder: Pick<Recorder, 'flush' | 'forget'>
  readonly metrics: Pick<Metrics, 'joinedOutcomes'>
}

/**
 * Grades outcomes, joins the steps recorded here to those that came without, and stores them; resolves once they are durable.
 * @param caller whose they are; absent: anybody's
 * @returns for each whether it is new (a repeated generation_id is not)
 * @throws StoreUnavailableError: send them all again
 */
export async function reportOutcomes (parts: ReportServices, outcomes: readonly ReportedOutcome[], caller?: Caller): Promise<boolean[]> {
  const { store, service, recorder, metrics } = parts
  const { salt } = service.snapshot()
  if (salt === null) throw new StoreUnavailableError('the store was not reached yet')
  const joined = await joinRecords(parts, salt, outcomes, caller)
  const areNew = (await store.append(joined.map(({ entry }) => entry))).map((code) => code === 'accepted')
  recorder.forget(outcomes.filter(({ arm, stopped }) => arm !== 'treated' && stopped !== true).map(({ generation_id: id }) => scopedId(caller, id)))
  for (const [i, { result }] of joined.entries()) if (result !== undefined && areNew[i]) metrics.joinedOutcomes.inc({ result })
  return areNew
}
