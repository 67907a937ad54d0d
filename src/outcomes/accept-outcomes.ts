import { OutcomeSchema } from '../../openapi/outcome-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { contextAccessProblem, forbidden } from '../access/context-access.js'
import { spendReportQuota, type Reporter } from '../access/report-quota.js'
import type { Config } from '../config/config.js'
import type { ReportedOutcome } from '../core/grading/outcome.js'
import { at, InvalidOutcomeError, TooManyOutcomesError } from '../errors/errors.js'
import type { Problem } from '../errors/problem.js'
import type { Metrics } from '../metrics/metrics.js'
import { reportOutcomes, reportProblem, type ReportServices } from './report-outcome.js'

export interface OutcomeServices extends ReportServices {
  readonly config: Config
  readonly metrics: Pick<Metrics, 'joinedOutcomes' | 'outcomes' | 'reports' | 'limited'>
}

export interface Accepted { readonly accepted: number, readonly duplicates: number }
export interface AcceptedBatch extends Accepted { readonly rejected: Array<Problem & { readonly index: number }> }

const schemaProblem = itemValidator(OutcomeSchema)

/**
 * Stores one outcome durably, within the quota of the caller's token, and counts it by result.
 * @throws ForbiddenError, InvalidOutcomeError, TooManyOutcomesError; StoreUnavailableError: send it again
 */
export async function acceptOutcome (services: OutcomeServices, outcome: ReportedOutcome, reporter: Reporter): Promise<Accepted> {
  const { config } = services
  const refusal = contextAccessProblem(reporter, config.levels, outcome.context)
  if (refusal !== null) throw forbidden(refusal)
  const problem = reportProblem(config, outcome)
  if (problem !== null) throw at(problem.path, new InvalidOutcomeError(problem.message))
  return countNew(await store(services, [outcome], reporter))
}

/** Stores the valid outcomes of a batch, as `acceptOutcome` does each, and lists the others. */
export async function acceptBatch (services: OutcomeServices, items: readonly unknown[], reporter: Reporter): Promise<AcceptedBatch> {
  const { config, metrics } = services
  const rejected: AcceptedBatch['rejected'] = []
  const valid: ReportedOutcome[] = []
  for (const [index, item] of items.entries()) {
    const outcome = item as ReportedOutcome
    const problem = schemaProblem(item) ?? contextAccessProblem(reporter, config.levels, outcome.context) ?? reportProblem(config, outcome)
    if (problem === null) valid.push(outcome); else rejected.push({ index, ...problem })
  }
  const areNew = valid.length === 0 ? [] : await store(services, valid, reporter)
  metrics.outcomes.inc({ result: 'rejected', arm: 'unknown' }, rejected.length)
  return { ...countNew(areNew), rejected }
}

/** Counts an outcome that was refused before or by `acceptOutcome`, unless the service itself failed. */
export function countRefused ({ metrics }: Pick<OutcomeServices, 'metrics'>, statusCode = 500): void {
  if (statusCode < 500) metrics.outcomes.inc({ result: 'rejected', arm: 'unknown' })
}

async function store (services: OutcomeServices, outcomes: readonly ReportedOutcome[], reporter: Reporter): Promise<boolean[]> {
  const { metrics } = services
  const count = (result: string, { arm, stopped }: ReportedOutcome) => metrics.outcomes.inc({ result, arm: stopped ? 'treated' : arm ?? 'unknown' })
  try {
    const areNew = await spendReportQuota(reporter, 'outcome', outcomes.length, metrics, () => reportOutcomes(services, outcomes, reporter))
    for (const [i, isNew] of areNew.entries()) count(isNew ? 'accepted' : 'duplicate', outcomes[i]!)
    return areNew
  } catch (error) {
    const result = error instanceof TooManyOutcomesError ? 'limited' : 'unavailable'
    for (const outcome of outcomes) count(result, outcome)
    throw error
  }
}

function countNew (areNew: readonly boolean[]): Accepted {
  const accepted = areNew.filter(Boolean).length
  return { accepted, duplicates: areNew.length - accepted }
}
