import { isUnreadable, readState } from './unreadable-state.js'
import { isAuditRow, isChange, isEntry, isFollowUp, isLedger, isPending, isPin, isPolicy, isPredictor, isSample, isTrace } from './stored-schemas.js'
import { isCohort } from './stored-cohort-schema.js'
import type { StateTable, StateRow } from './state-row.js'

/**
 * Checks of the tables whose readers replace or skip what is unreadable. Such rows are exported as they are: without its unreadable policy,
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
