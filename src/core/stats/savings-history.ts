import { estimateSavings, type Savings, savingsSince } from './savings.js'

/** What an hour saved. */
export interface SavingsHour {
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

/** The sums at the beginning of an hour. */
interface Mark extends Totals { readonly since: number }

/** What the whole fleet saved in the last hours, of all epochs. The root has it. Days are kept by context (see `SavingsSums`). */
export interface SavingsHistory extends Omit<Totals, keyof OfContext> {
  readonly hour: Mark
  /** The last hours with outcomes that are over, oldest first, at most `HOURS`. */
  readonly hours: readonly SavingsHour[]
}

/** The sums that a context has anyway. */
type OfContext = Pick<Totals, 'sums' | 'probe_tokens'>

const HOUR = 3_600_000
/** Two days, so that a day is there in full whatever the hour. */
export const HOURS = 48

const beginning = (time: number): number => Math.floor(time / HOUR) * HOUR

/** A history that begins now. */
export function startHistory ({ sums, probe_tokens }: OfContext, time: number): SavingsHistory {
  return { tokens: 0, hour: { tokens: 0, sums, probe_tokens, since: beginning(time) }, hours: [] }
}

/** Ends the hour if it is over. */
export function advanceHistory (history: SavingsHistory, sums: OfContext, time: number): SavingsHistory {
  const since = beginning(time)
  if (since <= history.hour.since) return history
  const now = totalsOf(history, sums)
  return { ...history, hour: { ...now, since }, hours: [...history.hours, hourSince(history.hour, now)].slice(-HOURS) }
}

/** Counts a generation that was reported. */
export function addToHistory (history: SavingsHistory, tokens: number): SavingsHistory {
  return { ...history, tokens: history.tokens + tokens }
}

/** The hours that are over, and the present one so far; oldest first. */
export function hoursOf (history: SavingsHistory, sums: OfContext): readonly SavingsHour[] {
  return [...history.hours, hourSince(history.hour, totalsOf(history, sums))]
}

function totalsOf ({ tokens }: SavingsHistory, { sums, probe_tokens }: OfContext): Totals {
  return { sums, probe_tokens, tokens }
}

function hourSince (then: Mark, now: Totals): SavingsHour {
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
