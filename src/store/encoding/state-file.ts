import { type SortedState, sortRows, STATE_FORMAT, STATE_TABLES, type StateRow, type StateTable } from '../state-format.js'
import { isDay } from './savings-days.js'
import { isCohort } from './context-schemas.js'
import { isUnreadable, readState } from './context-states.js'
import {
  isAuditRow, isChange, isEntry, isFollowUp, isLedger, isPending, isPin, isPolicy, isPredictor, isSample, isTrace
} from './stored-schemas.js'

/*
 * A state as lines of JSON: a head with the format, a line for each row, and an end with the number of rows, by
 * which a truncated file is recognised.
 */

/** A file that cannot be imported. The message says why. */
class StateFileError extends Error { override name = 'StateFileError' }

/** @param onDamage called with each damaged row */
export async function * stateLines (
  rows: AsyncIterable<StateRow>, exportedAt: Date, onDamage: (row: StateRow) => void = () => {}
): AsyncIterable<string> {
  yield line({ stopgate_state: STATE_FORMAT, exported_at: exportedAt.toISOString() })
  let count = 0
  for await (const row of rows) {
    if (row.damaged !== undefined) onDamage(row)
    if (row.value === undefined) continue
    count++
    yield line(row)
  }
  yield line({ rows: count })
}

/** @throws StateFileError if the file is not a complete state of this format */
export async function readStateFile (lines: AsyncIterable<string>): Promise<SortedState> {
  let hasHead = false
  let isComplete = false
  const rows: StateRow[] = []
  for await (const text of lines) {
    const value = parse(text, rows.length + 1)
    if (!hasHead) {
      checkHead(value)
      hasHead = true
    } else if (typeof value.rows === 'number') isComplete = value.rows === rows.length
    else if (isComplete || !isRow(value)) throw new StateFileError(`line ${rows.length + 2} is not a row of a state`)
    else rows.push(value)
  }
  if (!isComplete) throw new StateFileError(`the file is not complete: it ends after ${rows.length} rows. Export the state again`)
  try { return sortRows(rows) } catch (error) { throw new StateFileError((error as Error).message) }
}

function line (value: object): string { return `${JSON.stringify(value)}\n` }

function parse (text: string, number: number): Record<string, unknown> {
  try {
    const value = JSON.parse(text)
    if (value !== null && typeof value === 'object') return value
  } catch { /* reported below */ }
  throw new StateFileError(`line ${number} is not a JSON object: this is not a file of stopgate export, or only a part of one`)
}

function checkHead ({ stopgate_state: format }: Record<string, unknown>): void {
  if (typeof format !== 'number') throw new StateFileError('the first line is not the head of an exported state')
  if (format !== STATE_FORMAT) {
    throw new StateFileError(`the file has format ${format}, and this version reads only format ${STATE_FORMAT}: import it with the version that exported it`)
  }
}

function isRow (value: object): value is StateRow {
  const { table, key, value: stored } = value as Partial<StateRow>
  return STATE_TABLES.some((name) => name === table) && typeof key === 'string' && stored !== undefined
}

/**
 * Checks of the tables whose readers replace or skip unreadable rows. Such rows are exported as they are: without its unreadable policy,
 * for example, a context would be stopped again after an import.
 */
const CHECKS: Readonly<Partial<Record<StateTable, (value: unknown, text: string, key: string) => boolean>>> = {
  meta: (value, _, key) => value === null || (key === 'ledger' ? isLedger(value) : isFollowUp(value)),
  contexts: (_, text) => !isUnreadable(readState(text)),
  pending: isPending,
  cohorts: isCohort,
  policies: isPolicy,
  pins: isPin,
  predictors: isPredictor,
  reservoir: isSample,
  traces: isTrace,
  log: isEntry,
  history: isChange,
  audit: isAuditRow,
  savings: (_, text) => isDay(text),
}

/** A row to export, from the text that its value is kept as. */
export function readRow (table: StateTable, key: string, text: string, parse: (text: string) => unknown = JSON.parse): StateRow {
  const isValid = CHECKS[table]
  try {
    const value = parse(text)
    const row = { table, key, value }
    return isValid === undefined || isValid(value, text, key) ? row : { ...row, damaged: 'a field is missing or has the wrong type' }
  } catch (error) {
    return { table, key, value: isValid === undefined ? undefined : text, damaged: (error as Error).message }
  }
}
