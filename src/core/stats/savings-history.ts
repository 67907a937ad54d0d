import { estimateSavings, type Savings, savingsSince } from './savings.js'

/** What an hour or a day (UTC) saved. */
export interface SavingsPeriod {
  /** When it began, ms. */
  readonly at: number
  /** Tokens saved, less those of probes; `null`: too few control generations to say. */
  readonly tokens_saved: number | null
  /** Its interval, 95 %. */
  readonly tokens_saved_low: number | null
  readonly tokens_saved_high: number | null
  /** Tokens of all generations, those of probes included; of generations that do not report, an estimate. */
  readonly tokens: number
}

/** Sums up to a time. */
interface Totals {
  readonly sums: Savings
  readonly probe_tokens: number
  readonly tokens: number
}

/** The sums at the beginning of a period. */
interface Mark extends Totals { readonly since: number }

/** What the whole fleet saved over time, of all epochs. The root has it. */
export interface SavingsHistory extends Omit<Totals, keyof OfContext> {
  readonly hour: Mark
  readonly day: Mark
  /** The last hours with outcomes that are over, oldest first, at most `HOURS`. */
  readonly hours: readonly SavingsPeriod[]
  /** The same for days, at most `DAYS`. */
  readonly days: readonly SavingsPeriod[]
}

/** The sums that a context has anyway. */
type OfContext = Pick<Totals, 'sums' | 'probe_tokens'>

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** Two days, so that a day is there in full whatever the hour. */
export const HOURS = 48
export const DAYS = 35

const beginning = (time: number, period: number): number => Math.floor(time / period) * period

/** A history that begins now. */
export function startHistory ({ sums, probe_tokens }: OfContext, time: number): SavingsHistory {
  const own = { tokens: 0 }
  const mark = { ...own, sums, probe_tokens }
  return { ...own, hour: { ...mark, since: beginning(time, HOUR) }, day: { ...mark, since: beginning(time, DAY) }, hours: [], days: [] }
}

/** Ends the hour and the day if they are over. */
export function advanceHistory (history: SavingsHistory, sums: OfContext, time: number): SavingsHistory {
  const since = beginning(time, HOUR)
  if (since <= history.hour.since) return history
  const now = totalsOf(history, sums)
  const ended = { ...history, hour: { ...now, since }, hours: [...history.hours, periodSince(history.hour, now)].slice(-HOURS) }
  const day = beginning(time, DAY)
  if (day <= history.day.since) return ended
  return { ...ended, day: { ...now, since: day }, days: [...history.days, periodSince(history.day, now)].slice(-DAYS) }
}

/** Counts a generation that was reported. */
export function addToHistory (history: SavingsHistory, tokens: number): SavingsHistory {
  return { ...history, tokens: history.tokens + tokens }
}

/** The hours and days that are over, and the present ones so far; oldest first. */
export function periodsOf (history: SavingsHistory, sums: OfContext): { readonly hours: SavingsPeriod[], readonly days: SavingsPeriod[] } {
  const now = totalsOf(history, sums)
  return { hours: [...history.hours, periodSince(history.hour, now)], days: [...history.days, periodSince(history.day, now)] }
}

function totalsOf ({ tokens }: SavingsHistory, { sums, probe_tokens }: OfContext): Totals {
  return { sums, probe_tokens, tokens }
}

function periodSince (then: Mark, now: Totals): SavingsPeriod {
  const saved = estimateSavings(savingsSince(then.sums, now.sums))
  const net = (tokens: number | undefined) => tokens === undefined ? null : Math.round(tokens - (now.probe_tokens - then.probe_tokens))
  return {
    at: then.since,
    tokens_saved: net(saved?.estimate),
    tokens_saved_low: net(saved?.low),
    tokens_saved_high: net(saved?.high),
    tokens: Math.round(now.tokens - then.tokens),
  }
}
