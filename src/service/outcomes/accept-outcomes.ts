import type { Static } from '#typebox'
import { type AcceptedBatchSchema, OutcomeSchema, type ReceiptSchema } from '../../../openapi/outcome-schemas.js'
import { itemValidator } from '../../../openapi/validation.js'
import { type OutcomeWarning, unitBy } from '../../core/learn/index.js'
import { ALL_LABELS, type ContextRule, ruleFor } from '../../core/decide/index.js'
import {
  isUnmarked, type LoggedOutcome, observeStop, outcomeProblem, type ReportedOutcome, representsGroup,
} from '../../core/outcome/index.js'
import { certifyingKey, contextKey, effectivePolicy, type Levels, type Policy, unknownLevel } from '../../core/policy/index.js'
import { at, InvalidOutcomeError, type Problem, TooManyOutcomesError } from '../../errors/errors.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import { type Caller, contextAccessProblem, forbidden, type Reporter, spendReportQuota } from '../access/context-access.js'
import type { Config } from '../config/config.js'
import type { DecisionLog } from '../decision-log/decision-log.js'
import type { StopLog } from '../decision-log/stop-log.js'
import type { Metrics } from '../metrics/metrics.js'
import { lacksRoom } from '../snapshot/context-room.js'
import type { LoadedSnapshot } from '../snapshot/load-snapshot.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import { gradeOutcomes } from './grade-outcomes.js'
import { answersToKeep, keepAnswers } from './kept-answers.js'
import type { RefusedStops } from './refused-stops.js'

interface OutcomeServices extends ReportServices {
  readonly config: Config
  readonly metrics: Pick<Metrics, 'outcomes' | 'reports' | 'limited'>
  readonly refusedStops: Pick<RefusedStops, 'note'>
}

type AcceptedBatch = Static<typeof AcceptedBatchSchema>
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
  const { config, metrics, refusedStops } = services
  const rejected: AcceptedBatch['rejected'] = []
  const valid: ReportedOutcome[] = []
  const places: number[] = []
  for (const [index, item] of items.entries()) {
    const outcome = item as ReportedOutcome
    const problem = schemaProblem(item) ?? contextAccessProblem(reporter, config.levels, outcome.context) ?? reportProblem(config, outcome)
    if (problem !== null) {
      rejected.push({ index, ...problem })
      refusedStops.note(item, reporter)
    } else {
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
export function countRefused (
  { metrics, refusedStops }: Pick<OutcomeServices, 'metrics' | 'refusedStops'>, outcome: unknown, reporter: Reporter, statusCode = 500): void {
  if (statusCode >= 500 || statusCode === 429) return
  metrics.outcomes.inc({ result: 'rejected', arm: 'unknown' })
  if (statusCode === 400) refusedStops.note(outcome, reporter)
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

/** Problems of an outcome that its schema cannot express: an unknown level, or fields that contradict each other. */
export function reportProblem ({ levels }: Config, outcome: ReportedOutcome): Problem | null {
  const level = outcome.context === undefined ? null : unknownLevel(levels, outcome.context)
  if (level !== null) return { path: `/context/${level}`, message: `is not a context level: use the levels ${levels.join(', ')} (CONTEXT_LEVELS)` }
  return outcomeProblem(outcome)
}

interface ReportServices {
  readonly config: Pick<Config, 'levels' | 'maxContexts'>
  readonly store: Pick<Store, 'append' | 'answers'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot' | 'loaded'>
  readonly decisionLog: Pick<DecisionLog, 'reported'>
  readonly stopLog: Pick<StopLog, 'reported'>
}

interface Reported extends OutcomeReceipt {
  /** Whether the outcome was stored now; one with a repeated generation_id was stored before. */
  readonly isNew: boolean
}

/**
 * Grades outcomes and stores them. Resolves once they are durable.
 * @param caller absent: a caller without a token
 * @returns one for each outcome
 * @throws StoreUnavailableError: send all of them again
 */
export async function reportOutcomes (
  services: ReportServices, outcomes: readonly ReportedOutcome[], caller?: Caller): Promise<Reported[]> {
  const { config, store, snapshotHolder, decisionLog, stopLog } = services
  const { salt } = snapshotHolder.snapshot()
  if (salt === null) throw new StoreUnavailableError('this replica has not reached the store yet')
  const known = snapshotHolder.loaded()
  const graded = (await gradeOutcomes(salt, outcomes, caller)).map((entry) => withoutLabel(known, entry))
  const prefix = caller?.tokenPrefix ?? null
  const keys = graded.map((entry) => contextKey(config.levels, entry.context))
  // Also for known contexts: one may have given way when the entry is folded.
  const entries = prefix === null ? graded : graded.map((entry) => ({ ...entry, prefix }))
  const areNew = (await store.append(entries)).map((code) => code === 'accepted')
  for (const [i, entry] of graded.entries()) {
    if (!areNew[i]) continue
    decisionLog.reported(outcomes[i]!.generation_id, entry, outcomes[i]!.answer)
    stopLog.reported(entry.generation_id, entry, outcomes[i]!.stopped_by)
  }
  const loaded = snapshotHolder.loaded()
  const reported = graded.map((entry, i) => {
    const isWithoutRoom = lacksRoom(loaded.links, config, keys[i]!, prefix)
    return { isNew: areNew[i]!, ...outcomeReceipt(loaded, outcomes[i]!, entry, isWithoutRoom) }
  })
  const wanted = graded.flatMap((entry, i) => reported[i]!.isNew && reported[i]!.label_wanted ? [[outcomes[i]!, entry] as const] : [])
  await keepAnswers(services, wanted.map(([outcome, entry]) => {
    const { scorer } = ruleFor(loaded.snapshot, outcome.context)
    return [entry.generation_id, answersToKeep(outcome, entry, policyFor(loaded, entry), scorer, Date.now())]
  }))
  return reported
}

/** The part of the reply about one outcome. */
type OutcomeReceipt = Readonly<Static<typeof ReceiptSchema>>

/**
 * @param entry the outcome as it is logged
 * @param isWithoutRoom whether its context is new, and there is no room for it
 */
export function outcomeReceipt (
  loaded: LoadedSnapshot, outcome: ReportedOutcome, entry: LoggedOutcome, isWithoutRoom = false): OutcomeReceipt {
  if (outcome.retry_of !== undefined) return { label_wanted: false }
  const rule = ruleFor(loaded.snapshot, outcome.context)
  const known = warningsFor(outcome, entry, rule, loaded.snapshot.levels)
  const warnings = isWithoutRoom ? ['context_without_room' as const, ...known] : known
  return { label_wanted: isLabelWanted(loaded, entry, rule), ...(warnings.length > 0 && { warnings }) }
}

function warningsFor (
  outcome: ReportedOutcome, { steps, steps_complete: isComplete }: LoggedOutcome, rule: ContextRule, levels: Levels
): readonly OutcomeWarning[] {
  const { arm, stopped, cancelled, group_id: group, samples, context } = outcome
  const warnings: OutcomeWarning[] = []
  if (arm === undefined && stopped !== true) warnings.push('arm_missing')
  if (group !== undefined && samples === undefined && rule.enrolledShare > 0) warnings.push('samples_missing')
  if (rule.enrolledShare > 0 && isUnmarked(outcome)) warnings.push('prompt_unmarked')
  if (context === undefined && levels.length > 0) warnings.push('context_missing')
  const isLacking = steps === null || (!isComplete && outcome.steps_complete !== false)
  if (arm === 'control' && isLacking && stopped !== true && cancelled !== true) warnings.push('steps_missing')
  if (isAnswerLong(outcome)) warnings.push('answer_long')
  return warnings.length === 0 ? rule.warnings : [...new Set([...warnings, ...rule.warnings])]
}

/** An answer this much longer than its longest reference can hardly match it; it was probably not extracted from its sentence. */
const LONGER_TIMES = 2
const LONGER_CHARACTERS = 8

/** Whether the service grades an answer that is much longer than every reference. */
function isAnswerLong ({ em, answer, reference }: ReportedOutcome): boolean {
  if (em !== undefined || answer === undefined || reference === undefined) return false
  const longest = typeof reference === 'string' ? reference.length : Math.max(...reference.map((text) => text.length))
  return answer.length > LONGER_TIMES * longest + LONGER_CHARACTERS
}

function isLabelWanted (loaded: LoadedSnapshot, entry: LoggedOutcome, rule: ContextRule): boolean {
  if (entry.stopped) return isLabelOfStopWanted(entry, policyFor(loaded, entry))
  if (!mayNeedLabel(entry, rule)) return false
  return unitBy(entry, policyFor(loaded, entry), rule.scorer).isLabelWanted
}

/** Whether it is a full control run that is evidence, and came without its grade. */
function mayNeedLabel (entry: LoggedOutcome, { controlShare: share, enrolledShare }: ContextRule): boolean {
  const { u, hash, arm, stopped, cancelled, steps, steps_complete: isComplete, full } = entry
  const mayBeControl = arm === null ? u < 2 * share : arm === 'control' // the share may have fallen since it was enrolled
  if (full.exact_match !== undefined || !mayBeControl || stopped || cancelled === true) return false
  return hash < enrolledShare && steps !== null && isComplete
}

/** The entry, with a note where its answer differs only at thresholds for which no labels are asked. */
function withoutLabel (loaded: LoadedSnapshot, entry: LoggedOutcome): LoggedOutcome {
  const rule = ruleFor(loaded.snapshot, entry.context)
  const { labelReach: reach } = rule
  if (reach === ALL_LABELS || !mayNeedLabel(entry, rule)) return entry
  const { unit } = unitBy(entry, policyFor(loaded, entry), null) // where a predictor scores, all labels are asked for
  const isWithin = unit.eighths.some((d, k) => k <= reach && d !== 0)
  return isWithin ? entry : { ...entry, no_label: true }
}

/** Whether fidelity needs a label: the served answer differs from the probed one. */
function isLabelOfStopWanted (entry: LoggedOutcome, { label }: Policy): boolean {
  return representsGroup(entry) && observeStop(entry, label, true)?.difference === null
}

/** The policy by which the context counts evidence, or its pool. */
function policyFor ({ snapshot: { levels }, inputs, links }: LoadedSnapshot, { context }: LoggedOutcome): Policy {
  const policyAt = (key: string): Policy => links.get(key)?.policy ?? effectivePolicy(inputs.defaultPolicy, inputs.policies, key)
  const leaf = contextKey(levels, context)
  const own = policyAt(leaf)
  return own.certify_at === null ? own : policyAt(certifyingKey(levels, own.certify_at, leaf))
}
