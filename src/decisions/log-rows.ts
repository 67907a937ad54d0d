import type { Caller } from '../access/context-access.js'
import { scopedId } from '../access/scoped-id.js'
import type { Arm } from '../core/assignment/arm.js'
import { thresholdFor } from '../core/decide/decide.js'
import { signalsAt, type ColumnDecisions, type Columns } from '../core/decide/decide-columns.js'
import type { Snapshot } from '../core/decide/snapshot.js'
import { clampConfidence } from '../core/grading/outcome.js'
import { scoreStep } from '../core/predictor/predictor.js'
import type { DecisionLog } from '../decision-log/decision-log.js'

export interface RowLogging {
  readonly snapshot: Pick<Snapshot, 'salt' | 'version'>
  /** Rows that put their generations down for enrolment. */
  readonly enrolled: ReadonlySet<number>
  readonly caller: Caller
}

/** Logs the rows whose generations have an id and are taken. */
export function logRows (
  log: Pick<DecisionLog, 'takes' | 'isTreatedTaken' | 'decided'>, columns: Columns, decided: ColumnDecisions, logging: RowLogging
): void {
  const { generation_ids: ids } = columns
  if (ids === undefined) return
  const { control, reasons } = decided
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
  columns: Columns, { rules, reasons }: ColumnDecisions, { snapshot: { salt, version }, enrolled, caller }: RowLogging,
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
    threshold: thresholdFor(salt, rule, columns.group_ids?.[row] ?? id),
    reason: reasons[row]!,
    version,
    isEnrolled: enrolled.has(row),
    em: em?.[row] ?? undefined,
    answer: answer?.[row] ?? undefined,
  }
}
