import type { Static } from '#typebox'
import { OutcomeSchema, type AcceptedBatchSchema } from '../../openapi/outcome-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { contextAccessProblem, forbidden } from '../access/context-access.js'
import { spendReportQuota, type Reporter } from '../access/report-quota.js'
import type { Config } from '../config/config.js'
import type { ReportedOutcome } from '../core/grading/outcome.js'
import { at, InvalidOutcomeError, TooManyOutcomesError } from '../errors/errors.js'
import type { Metrics } from '../metrics/metrics.js'
import type { OutcomeReceipt } from './outcome-receipt.js'
import { reportOutcomes, reportProblem, type Reported, type ReportServices } from './report-outcome.js'

export interface OutcomeServices extends ReportServices {
  readonly config: Config
  readonly metrics: Pick<Metrics, 'joinedOutcomes' | 'outcomes' | 'reports' | 'limited'>
}

export type AcceptedBatch = Static<typeof AcceptedBatchSchema>
export type Accepted = Pick<AcceptedBatch, 'accepted' | 'duplicates'>

const schemaProblem = itemValidator(OutcomeSchema)

/**
 * Stores one outcome durably, within the quota of the caller's token, and counts it by result.
 * @throws ForbiddenError, InvalidOutcomeError, TooManyOutcomesError; StoreUnavailableError: send it again
 */
export async function acceptOutcome (
  services: OutcomeServices, outcome: ReportedOutcome, reporter: Reporter): Promise<Accepted & OutcomeReceipt> {
  const { config } = services
  const refusal = contextAccessProblem(reporter, config.levels, outcome.context)
  if (refusal !== null) throw forbidden(refusal)
  const problem = reportProblem(config, outcome)
  if (problem !== null) throw at(problem.path, new InvalidOutcomeError(problem.message))
  const [reported] = await store(services, [outcome], reporter)
  return { ...countNew([reported!]), ...receiptOf(reported!) }
}

/** Stores the valid outcomes of a batch, as `acceptOutcome` does each, and lists the others. */
export async function acceptBatch (services: OutcomeServices, items: readonly unknown[], reporter: Reporter): Promise<AcceptedBatch> {
  const { config, metrics } = services
  const rejected: AcceptedBatch['rejected'] = []
  const valid: ReportedOutcome[] = []
  const places: number[] = []
  for (const [index, item] of items.entries()) {
    const outcome = item as ReportedOutcome
    const problem = schemaProblem(item) ?? contextAccessProblem(reporter, config.levels, outcome.context) ?? reportProblem(config, outcome)
    if (problem !== null) rejected.push({ index, ...problem })
    else {
      valid.push(outcome)
      places.push(index)
    }
  }
  const reported = valid.length === 0 ? [] : await store(services, valid, reporter)
  metrics.outcomes.inc({ result: 'rejected', arm: 'unknown' }, rejected.length)
  const outcomes: AcceptedBatch['outcomes'] = items.map(() => null)
  for (const [i, one] of reported.entries()) outcomes[places[i]!] = receiptOf(one)
  return { ...countNew(reported), rejected, outcomes }
}

/** Counts an outcome that was refused before or by `acceptOutcome`, unless the service itself failed, or a quota did and was counted. */
export function countRefused ({ metrics }: Pick<OutcomeServices, 'metrics'>, statusCode = 500): void {
  if (statusCode < 500 && statusCode !== 429) metrics.outcomes.inc({ result: 'rejected', arm: 'unknown' })
}

async function store (services: OutcomeServices, outcomes: readonly ReportedOutcome[], reporter: Reporter): Promise<Reported[]> {
  const { metrics } = services
  const count = (result: string, { arm, stopped }: ReportedOutcome) => metrics.outcomes.inc({ result, arm: stopped ? 'treated' : arm ?? 'unknown' })
  try {
    let reported: Reported[] = []
    await spendReportQuota(reporter, 'outcome', outcomes.length, metrics, async () => {
      reported = await reportOutcomes(services, outcomes, reporter)
      return reported.map(({ isNew }) => isNew)
    })
    for (const [i, { isNew }] of reported.entries()) count(isNew ? 'accepted' : 'duplicate', outcomes[i]!)
    return reported
  } catch (error) {
    const result = error instanceof TooManyOutcomesError ? 'limited' : 'unavailable'
    for (const outcome of outcomes) count(result, outcome)
    throw error
  }
}

function countNew (reported: readonly Reported[]): Accepted {
  const accepted = reported.filter(({ isNew }) => isNew).length
  return { accepted, duplicates: reported.length - accepted }
}

function receiptOf ({ isNew: _, ...receipt }: Reported): OutcomeReceipt { return receipt }
