import { STATE_FORMAT } from './state-format.js'
import { STATE_TABLES, sortRows, type SortedState, type StateRow } from './state-row.js'

/*
 * A state as lines of JSON: a head that says of which format they are, a line for each row, and an end that says how many there were, so
 * that a file that was cut off is not taken for a whole one.
 */

/** From each STATE_FORMAT before, what a row of it is in the next. */
export type Upgrades = Readonly<Record<number, (row: StateRow) => StateRow[]>>
const UPGRADES: Upgrades = {
  // There were no predictors; and Redis said of what is seen only whether it waits.
  1: (row) => [row.table === 'seen' ? { ...row, value: (row.value as [number, number | boolean]).map(Number) } : row],
  // What was empty was written out, and predictors had only a name: both are read as they are.
  2: (row) => [row],
  // Predictors all had 30 thresholds, and their trials did not say so: read as they are, too.
  3: (row) => [row],
  // And up to 60 of them.
  4: (row) => [row],
}

/** A file that can't be imported; the message says why. */
export class StateFileError extends Error { override name = 'StateFileError' }

/** @param onDamage told of each row that is damaged */
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

/** @throws StateFileError: nothing of it may be used */
export async function readState (
  lines: AsyncIterable<string>, { format = STATE_FORMAT, upgrades = UPGRADES }: { format?: number, upgrades?: Upgrades } = {}
): Promise<SortedState> {
  let from: number | null = null
  let count = 0
  let isWhole = false
  const rows: StateRow[] = []
  for await (const text of lines) {
    const value = parse(text, count + 1)
    if (from === null) from = formatOf(value, format)
    else if (typeof value.rows === 'number') isWhole = value.rows === count
    else if (isWhole || !isRow(value)) throw new StateFileError(`line ${count + 2} is no row of a state`)
    else if (++count) rows.push(...upgraded(value, from, format, upgrades))
  }
  if (!isWhole) throw new StateFileError(`it is not whole: it ends after ${count} rows; export it again`)
  try { return sortRows(rows) } catch (error) { throw new StateFileError((error as Error).message) }
}

function line (value: object): string { return `${JSON.stringify(value)}\n` }

function parse (text: string, number: number): Record<string, unknown> {
  try {
    const value = JSON.parse(text)
    if (value !== null && typeof value === 'object') return value
  } catch { /* said below */ }
  throw new StateFileError(`line ${number} is not a JSON object: this is no file of stopgate export, or only a part of one`)
}

function formatOf ({ stopgate_state: format }: Record<string, unknown>, known: number): number {
  if (typeof format !== 'number') throw new StateFileError('it does not begin as stopgate export begins: this is no exported state')
  if (format > known) throw new StateFileError(`it is of format ${format}, and this version reads formats up to ${known}: take a newer stopgate, as the one that wrote it`)
  return format
}

function isRow ({ table, key, value }: Record<string, unknown>): boolean {
  return STATE_TABLES.some((name) => name === table) && typeof key === 'string' && value !== undefined
}

function upgraded (value: Record<string, unknown>, from: number, to: number, upgrades: Upgrades): StateRow[] {
  let rows = [value as unknown as StateRow]
  for (let format = from; format < to; format++) rows = rows.flatMap(upgrades[format]!)
  return rows
}
