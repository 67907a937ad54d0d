import type { Arm } from '../../core/assignment/arm.js'
import type { ContextWarning } from '../../core/contexts/context-warnings.js'
import { type ColumnDecisions, type Columns, signalsAt } from '../../core/decide/decide-columns.js'
import { enrolDraw, REASONS } from '../../core/decide/decide.js'
import type { ContextRule, Snapshot } from '../../core/decide/snapshot.js'
import { clampConfidence } from '../../core/outcome/outcome.js'
import { scoreStep } from '../../core/predictor/predictor.js'
import { recordedFieldsAt } from '../../core/step-records/recorded-steps.js'
import { type Caller, scopedId } from '../access/context-access.js'
import type { DecisionServices } from './answer-step.js'
import { checkColumns, type RowProblem } from './check-columns.js'

const NONE: ReadonlySet<number> = new Set()

/** Counts of rows by reason, in the order of `REASONS`; all zero between calls. */
const counted = new Uint32Array(REASONS.length)

/** The rule in force in a context of a request. */
type ContextReply = {
  readonly threshold: number | null
  readonly mode: ContextRule['mode']
  readonly check_every_tokens: number
  readonly check_growth: number
  readonly min_tokens: number
  readonly control_share: number
  readonly store_prompts?: true
  readonly warnings: readonly ContextWarning[]
}

/** The reply to columns: numbers of rows, except for `errors` and `contexts`. */
export interface ColumnsAnswer extends Pick<ColumnDecisions, 'stop' | 'control' | 'would_stop' | 'probe' | 'asked_early'> {
  readonly snapshot_version: number
  readonly stale: boolean
  /** Rows without an arm that came too late to enrol their generations. */
  readonly first_step_late: number[]
  readonly errors: RowProblem[]
  /** One for each context of the request; `null` where the context is invalid or may not be used. */
  readonly contexts: Array<ContextReply | null>
}

/**
 * Decides the steps of columns, counts and logs the decisions, and records the control rows.
 * @param body columns, unless the client sent something else
 * @throws InvalidInputError where it has another form, or columns differ in length
 */
export function answerColumns (services: DecisionServices, body: unknown, caller: Caller): ColumnsAnswer {
  const { config, snapshotHolder, metrics } = services
  const startedAt = performance.now()
  const { columns, errors, contexts } = checkColumns(caller, config.levels, body)
  const snapshot = snapshotHolder.snapshot()
  const bad = errors.length === 0 ? NONE : new Set(errors.map(({ index }) => index))
  const decided = snapshotHolder.decideColumns(columns, bad)
  metrics.decisionSeconds.observe((performance.now() - startedAt) / 1000)
  recordControlRows(services, columns, decided, caller)
  countRows(services, decided.reasons)
  const { late: first_step_late, enrolled } = enrolRows(services, columns, decided, caller)
  logRows(services, columns, decided, { snapshot, enrolled, caller })
  const { stop, control, would_stop, probe, asked_early, rules } = decided
  return {
    snapshot_version: snapshot.version,
    stale: snapshotHolder.freshness() !== 'fresh',
    stop,
    control,
    would_stop,
    probe,
    first_step_late,
    asked_early,
    errors,
    contexts: rules.map((rule, i) => contexts[i] === null ? ruleOf(rule) : null),
  }
}

/** The part of replies about a rule: one object for each rule, since its rendered text is cached by object. */
const shown = new WeakMap<ContextRule, ContextReply>()

export function ruleOf (rule: ContextRule): ContextReply {
  let one = shown.get(rule)
  if (one === undefined) {
    const { threshold, mode, checkEveryTokens: check_every_tokens, checkGrowth: check_growth } = rule
    const { minTokens: min_tokens, controlShare: control_share, storePrompts, warnings } = rule
    const prompts = storePrompts && { store_prompts: true as const }
    shown.set(rule, one = { threshold, mode, check_every_tokens, check_growth, min_tokens, control_share, ...prompts, warnings })
  }
  return one
}

interface EnrolledRows { readonly late: number[], readonly enrolled: ReadonlySet<number> }

/** Enrols the generations of rows without an arm. */
function enrolRows (
  { snapshotHolder, enroller }: DecisionServices, columns: Columns, { drawn, draws, rules }: ColumnDecisions, caller: Caller
): EnrolledRows {
  const { generation_ids: generations, group_ids: groups, context, contexts, tokens, sample } = columns
  const snapshot = snapshotHolder.snapshot()
  const late: number[] = []
  if (drawn.length === 0) return { late, enrolled: NONE }
  const enrolled = new Set<number>()
  const sink = enroller.within(caller.tokenPrefix)
  for (let i = 0; i < drawn.length; i++) {
    const row = drawn[i]!
    const place = context[row]!
    const id = groups?.[row] ?? generations?.[row]
    if (id == null) continue // it has a prompt, but its outcome could not be found
    const draw = { u: draws[i]!, id, tokens: tokens[row]!, context: contexts[place], sample: sample?.[row] ?? undefined }
    const enrolment = enrolDraw(sink, snapshot, rules[place]!, draw)
    if (enrolment === 'late') late.push(row)
    else if (enrolment === 'enrolled') enrolled.add(row)
  }
  return { late, enrolled }
}

function recordControlRows (
  { recorder }: DecisionServices, columns: Columns, { control, reasons, rules }: ColumnDecisions, caller: Caller
): void {
  const { generation_ids: ids, context } = columns
  if (ids === undefined || !rules.some(({ recordSteps }) => recordSteps)) return
  for (const row of control) {
    const id = ids[row] ?? null
    if (id !== null && reasons[row] !== 'off' && rules[context[row]!]!.recordSteps) recorder.recordStep(id, recordedFieldsAt(columns, row), caller)
  }
}

/** Adds up the rows first, since a count in the metrics takes several times as long as a decision. */
function countRows ({ metrics }: DecisionServices, reasons: ColumnDecisions['reasons']): void {
  for (let row = 0; row < reasons.length; row++) {
    const reason = reasons[row]
    if (reason === undefined) continue
    let place = 0
    while (REASONS[place] !== reason) place++ // indexOf takes longer
    counted[place]!++
  }
  for (let place = 0; place < counted.length; place++) {
    if (counted[place]! > 0) metrics.decided(REASONS[place]!, counted[place])
    counted[place] = 0
  }
}

interface RowLogging {
  readonly snapshot: Pick<Snapshot, 'salt' | 'version'>
  /** Rows that put their generations down for enrolment. */
  readonly enrolled: ReadonlySet<number>
  readonly caller: Caller
}

/** Logs the rows whose generations have an id and are taken, and each stop. */
export function logRows (
  { decisionLog: log, stopLog }: Pick<DecisionServices, 'decisionLog' | 'stopLog'>, columns: Columns, decided: ColumnDecisions, logging: RowLogging
): void {
  const { generation_ids: ids } = columns
  if (ids === undefined) return
  const { control, reasons } = decided
  if (stopLog.isTaken) {
    for (const row of decided.stop) {
      const id = ids[row] ?? null
      if (id !== null) stopLog.decided(takenAt(columns, decided, logging, { row, id, arm: 'treated' }))
    }
  }
  const logRow = (row: number, arm: Arm) => {
    const id = ids[row] ?? null
    if (id !== null && log.takes(id, arm)) log.decided(takenAt(columns, decided, logging, { row, id, arm }))
  }
  if (!log.isTreatedTaken) {
    for (const row of control) logRow(row, 'control')
    return
  }
  for (let row = 0, next = 0; row < reasons.length; row++) { // control rows are in order
    const isControl = control[next] === row
    if (isControl) next++
    if (isControl || reasons[row] !== undefined) logRow(row, isControl ? 'control' : 'treated')
  }
}

function takenAt (
  columns: Columns, { rules, reasons }: ColumnDecisions, { snapshot: { version }, enrolled, caller }: RowLogging,
  { row, id, arm }: { readonly row: number, readonly id: string, readonly arm: Arm }
) {
  const { context, contexts, tokens, em, answer, signals } = columns
  const rule = rules[context[row]!]!
  const { context: source, scorer } = rule
  const confidence = clampConfidence(columns.confidence[row]!)
  return {
    id: scopedId(caller, id),
    context: contexts[context[row]!],
    source,
    arm,
    tokens: tokens[row]!,
    confidence,
    score: scorer === null ? confidence : scoreStep(scorer, tokens[row]!, confidence, signals && signalsAt(signals, row)),
    scorer: scorer?.name ?? 'confidence',
    threshold: rule.threshold,
    reason: reasons[row]!,
    version,
    isEnrolled: enrolled.has(row),
    em: em?.[row] ?? undefined,
    answer: answer?.[row] ?? undefined,
  }
}
