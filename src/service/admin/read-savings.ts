import { setImmediate } from 'node:timers/promises'
import { SAVINGS_COLUMNS, type SavingsQuery, type SavingsRow } from '../../../openapi/savings-schemas.js'
import { isWithin, ROOT } from '../../core/policy/index.js'
import { addSums, dayOf, figuresOfSums, NO_SUMS, SAVINGS_DAYS, type SavingsSums, startOfDay } from '../../core/stats/index.js'
import { at, ContextNotFoundError, invalid } from '../../errors/errors.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { checkKey, SEE_LIST } from './context-reader.js'
import type { FleetScan } from './scan-fleet.js'

interface SavingsServices {
  readonly store: Pick<Store, 'readContexts' | 'readSavings' | 'revision'>
  readonly scan: () => Promise<FleetScan>
  readonly config: Config
  readonly clock?: () => number
}

interface Query extends SavingsQuery {
  readonly prefix: string
  /** Whether the caller states the prefix; otherwise it is that of its token, which may have no contexts yet. */
  readonly isStated: boolean
}

export type ReadSavings = ReturnType<typeof createSavingsReader>

/** Days of a range by default. */
const RANGE = 30
/** Contexts that are added up, and rows that are estimated, in one turn of the event loop: about a millisecond. */
const CHUNK = 512
const ROWS = 50
/** Sums of ended days that are cached, since a page reads the same days every few seconds. */
const CACHED = 4096

/**
 * Reads what a range of days saved and lost.
 * @throws InvalidKeyError, ContextNotFoundError, InvalidInputError, StoreUnavailableError
 */
export function createSavingsReader ({ store, scan, config, clock = Date.now }: SavingsServices) {
  let cache = { stateId: '', days: new Map<string, SavingsSums | null>() }

  /** Sums of ended days by day and prefix: they change no more. `null`: nothing was reported. */
  async function cachedDays () {
    const { stateId } = await store.revision()
    if (cache.stateId !== stateId || cache.days.size > CACHED) cache = { stateId, days: new Map() }
    return cache.days
  }

  return async ({ prefix, isStated, by, ...range }: Query): Promise<{ total: SavingsRow, rows: SavingsRow[] }> => {
    checkKey(config, prefix, '/prefix')
    const [since, until] = rangeOf(range, dayOf(clock()))
    const cached = await cachedDays()
    const { today } = await scan() // before the ended days: a day that ends meanwhile is read whole from the store
    const days: Part[] = []
    const contexts = new Map<string, Part>()
    for (let day = since; day <= until; day++) {
      const name = `${day} ${prefix}`
      let sums = by === 'context' ? undefined : cached.get(name)
      if (sums === undefined) {
        const ended = await store.readSavings(day)
        const all = ended ?? today.flatMap(({ key, sums }) => sums.day === day ? [[key, sums] as const] : [])
        const within = [...all].filter(([key]) => isWithin(key, prefix))
        sums = await sumInTurns(within, (key, sums) => { if (by === 'context') addTo(contexts, { since, until, context: key, sums }) })
        if (ended !== null) cached.set(name, sums)
      }
      if (sums !== null) days.push({ since: day, until: day, context: prefix, sums })
    }
    const isUnknown = isStated && days.length === 0 && prefix !== ROOT && (await store.readContexts([prefix])).size === 0
    if (isUnknown) throw at('/prefix', new ContextNotFoundError(prefix, SEE_LIST)) // zeros would hide a typing error
    const total = days.reduce((sum, { sums }) => addSums(sum, sums), NO_SUMS)
    const inOrder = [...contexts.values()].sort((a, b) => a.context < b.context ? -1 : 1)
    return { total: rowOf({ since, until, context: prefix, sums: total }), rows: await rowsOf(by === 'day' ? days : inOrder) }
  }
}

/** Some days of a context and those below. */
interface Part { readonly since: number, readonly until: number, readonly context: string, readonly sums: SavingsSums }

function addTo (parts: Map<string, Part>, part: Part): void {
  const known = parts.get(part.context)
  parts.set(part.context, known === undefined ? part : { ...part, sums: addSums(known.sums, part.sums) })
}

/** @returns `null`: there are none */
async function sumInTurns (
  contexts: ReadonlyArray<readonly [key: string, sums: SavingsSums]>, each: (key: string, sums: SavingsSums) => void
): Promise<SavingsSums | null> {
  let total = NO_SUMS
  for (let i = 0; i < contexts.length; i += CHUNK) {
    for (const [key, sums] of contexts.slice(i, i + CHUNK)) {
      total = addSums(total, sums)
      each(key, sums)
    }
    await setImmediate()
  }
  return contexts.length === 0 ? null : total
}

async function rowsOf (parts: readonly Part[]): Promise<SavingsRow[]> {
  const rows: SavingsRow[] = []
  for (let i = 0; i < parts.length; i += ROWS) {
    rows.push(...parts.slice(i, i + ROWS).map(rowOf))
    await setImmediate()
  }
  return rows
}

function rowOf ({ since, until, context, sums }: Part): SavingsRow {
  const { generations, tokens, saved, lost, unlabelled } = figuresOfSums(sums)
  return {
    since: toDate(since),
    until: toDate(until),
    context,
    generations,
    tokens: Math.round(tokens),
    tokens_saved: rounded(saved?.estimate, 1),
    tokens_saved_low: rounded(saved?.low, 1),
    tokens_saved_high: rounded(saved?.high, 1),
    answers_lost: rounded(lost?.estimate, 10),
    answers_lost_low: rounded(lost?.low, 10),
    answers_lost_high: rounded(lost?.high, 10),
    answers_unlabelled: rounded(unlabelled, 10),
  }
}

/** @param parts of one that are kept */
function rounded (value: number | null | undefined, parts: number): number | null {
  return value == null ? null : (Math.round(value * parts) + 0) / parts // no negative zero
}

/** The days of a range, first and last. */
function rangeOf ({ since, until }: Pick<Query, 'since' | 'until'>, today: number): [since: number, until: number] {
  const last = until === undefined ? today : dayIn(until, '/until')
  const first = since === undefined ? Math.max(oldestOn(today), last - RANGE + 1) : dayIn(since, '/since')
  if (first > last) throw invalid({ path: '/since', message: `must not be after ${toDate(last)}, the last day of the range` })
  if (first < oldestOn(today)) throw invalid({ path: '/since', message: `must be ${toDate(oldestOn(today))} or later: days are kept for 13 months` })
  if (last > today) throw invalid({ path: '/until', message: `must be ${toDate(today)}, today (UTC), or earlier` })
  return [first, last]
}

const oldestOn = (today: number): number => today - SAVINGS_DAYS + 1

function dayIn (date: string, path: string): number {
  const ms = Date.parse(date)
  if (Number.isNaN(ms) || toDate(dayOf(ms)) !== date) throw invalid({ path, message: `must be a day of the calendar, such as 2026-01-31, and ${date} is none` })
  return dayOf(ms)
}

const toDate = (day: number): string => new Date(startOfDay(day)).toISOString().slice(0, 10)

/** Characters that make a spreadsheet take a text for a formula. */
const FORMULA = /^[=+\-@\t\r]/

/** A report as a file of comma-separated values (RFC 4180): its rows, or the total where none were asked for. */
export function savingsFile ({ total, rows }: { readonly total: SavingsRow, readonly rows: readonly SavingsRow[] }, by: Query['by']): string {
  const lines = (by === undefined ? [total] : rows).map((row) => SAVINGS_COLUMNS.map((column) => cellOf(row[column])).join(','))
  return [SAVINGS_COLUMNS.join(','), ...lines].map((line) => `${line}\r\n`).join('')
}

function cellOf (value: string | number | null): string {
  if (typeof value !== 'string') return String(value ?? '')
  const text = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
