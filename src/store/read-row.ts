import { isUnreadable, readState } from './unreadable-state.js'
import { isWholeAuditRow, isWholeChange, isWholeEntry, isWholeLedger, isWholePending, isWholePin, isWholePolicy, isWholePredictor, isWholeSample } from './stored-schemas.js'
import type { StateTable, StateRow } from './state-row.js'

export type Look = (value: unknown, text: string) => boolean

/**
 * What their readers take for whole, of those that overcome what is not; without the policy of a context, say, it would be stopped again,
 * and without a row of the history a rollback would not know of a gap.
 */
export const OVERCOME: Readonly<Partial<Record<StateTable, Look>>> = {
  meta: (ledger) => ledger === null || isWholeLedger(ledger),
  contexts: (_, text) => !isUnreadable(readState(text)),
  pending: isWholePending,
  policies: isWholePolicy,
  pins: isWholePin,
  predictors: isWholePredictor,
  reservoir: isWholeSample,
  log: isWholeEntry,
  history: isWholeChange,
  audit: isWholeAuditRow,
}

/** A row, of the text its value is kept as. */
export function readRow (table: StateTable, key: string, text: string, parse: (text: string) => unknown = JSON.parse): StateRow {
  const isWhole = OVERCOME[table]
  try {
    const value = parse(text)
    const row = { table, key, value }
    return isWhole === undefined || isWhole(value, text) ? row : { ...row, damaged: 'something in it is missing, or of another kind' }
  } catch (error) {
    return { table, key, value: isWhole === undefined ? undefined : text, damaged: (error as Error).message }
  }
}
