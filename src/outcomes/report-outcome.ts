import type { Config } from '../config/config.js'
import { unknownLevel } from '../core/policy/context.js'
import { outcomeProblem, type ReportedOutcome } from '../core/grading/outcome.js'
import type { DecisionLog } from '../decision-log/decision-log.js'
import { joinRecords } from './join-records.js'
import { outcomeReceipt, type OutcomeReceipt } from './outcome-receipt.js'
import type { Metrics } from '../metrics/metrics.js'
import { scopedId } from '../access/scoped-id.js'
import type { Caller } from '../access/context-access.js'
import type { Recorder } from './recorder.js'
import type { Service } from '../replica/service.js'
import type { StepRecordStore } from '../store/step-record-store.js'
import type { Store } from '../store/store.js'
import type { Problem } from '../errors/problem.js'
import { StoreUnavailableError } from '../store/store-errors.js'

/** Problems of an outcome that its schema cannot express: an unknown level, or fields that contradict each other. */
export function reportProblem ({ levels }: Config, outcome: ReportedOutcome): Problem | null {
  const level = outcome.context === undefined ? null : unknownLevel(levels, outcome.context)
  if (level !== null) return { path: `/context/${level}`, message: `is not a context level: use the levels ${levels.join(', ')} (CONTEXT_LEVELS)` }
  return outcomeProblem(outcome)
}

export interface ReportServices {
  readonly store: Pick<Store, 'kind' | 'append'> & { readonly stepRecords: Pick<StepRecordStore, 'read'> }
  readonly service: Pick<Service, 'snapshot' | 'model'>
  readonly recorder: Pick<Recorder, 'flush' | 'forget'>
  readonly decisionLog: Pick<DecisionLog, 'reported'>
  readonly metrics: Pick<Metrics, 'joinedOutcomes'>
}

export interface Reported extends OutcomeReceipt {
  /** Whether the outcome was stored now; one with a repeated generation_id was stored before. */
  readonly isNew: boolean
}

/**
 * Grades outcomes, joins recorded steps to those that came without steps, and stores them. Resolves once they are durable.
 * @param caller absent: a caller without a token
 * @returns one for each outcome
 * @throws StoreUnavailableError: send all of them again
 */
export async function reportOutcomes (
  services: ReportServices, outcomes: readonly ReportedOutcome[], caller?: Caller): Promise<Reported[]> {
  const { store, service, recorder, decisionLog, metrics } = services
  const { salt } = service.snapshot()
  if (salt === null) throw new StoreUnavailableError('this replica has not reached the store yet')
  const joined = await joinRecords(services, salt, outcomes, caller)
  const areNew = (await store.append(joined.map(({ entry }) => entry))).map((code) => code === 'accepted')
  recorder.forget(outcomes.filter(({ arm, stopped }) => arm !== 'treated' && stopped !== true).map(({ generation_id: id }) => scopedId(caller, id)))
  for (const [i, { result }] of joined.entries()) if (result !== undefined && areNew[i]) metrics.joinedOutcomes.inc({ result })
  for (const [i, { entry }] of joined.entries()) if (areNew[i]) decisionLog.reported(outcomes[i]!.generation_id, entry, outcomes[i]!.answer)
  const model = service.model()
  return joined.map(({ entry }, i) => ({ isNew: areNew[i]!, ...outcomeReceipt(model, outcomes[i]!, entry) }))
}
