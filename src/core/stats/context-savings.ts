import { addSpending, NO_SPENDING, type ProbeSpending } from './probe-spending.js'
import { addToHistory, advanceHistory, type SavingsHistory, startHistory } from './savings-history.js'
import { countReported, type SavingsOfDay, sumsOn } from './savings-sums.js'
import { addTreated, advanceDay, type DailySavings, firstDay, NO_SAVINGS, type Savings } from './savings.js'

/** What stops have saved in a context and what probes have cost, over all epochs. */
export interface ContextSavings {
  readonly sums: Savings
  /** Of both arms: tokens decoded for probes, and tokens prefilled again for them. */
  readonly probe_tokens: number
  readonly probe_prefill_tokens: number
  /** Over the last generations. */
  readonly spending: ProbeSpending
  /** Traffic, and the net savings of the last whole day. */
  readonly day: DailySavings
  /** Of the day (UTC) with the last outcome that counts here and not further below; `null`: there was none. */
  readonly today: SavingsOfDay | null
  /** Of the root alone. */
  readonly history?: SavingsHistory | undefined
}

export function noSavings (time: number): ContextSavings {
  const none = { sums: NO_SAVINGS, probe_tokens: 0, probe_prefill_tokens: 0, spending: NO_SPENDING }
  return { ...none, day: firstDay(time), today: null, history: undefined }
}

/** The tokens that an outcome reports. */
interface Tokens { readonly tokens: number, readonly probe_tokens?: number | undefined, readonly probe_prefill_tokens?: number | undefined }

interface Counted {
  readonly isControl: boolean
  /** Tokens after its crossing; `undefined`: it does not count in the sums. */
  readonly used: number | undefined
  /** See `DailySavings`. */
  readonly isUncounted: boolean
  /** The day, in the context of which the generation counts; `null` in those above it. */
  readonly today: number | null
  readonly time: number
}

/** Counts a reported generation. */
export function countTokens (
  savings: ContextSavings, { tokens, probe_tokens: probes = 0, probe_prefill_tokens: prefill = 0 }: Tokens,
  { isControl, used, isUncounted, today, time }: Counted
): ContextSavings {
  const sums = used === undefined ? savings.sums : addTreated(savings.sums, used)
  const probe_tokens = savings.probe_tokens + probes
  return {
    sums,
    probe_tokens,
    probe_prefill_tokens: savings.probe_prefill_tokens + prefill,
    spending: addSpending(savings.spending, { tokens, probe_tokens: probes }, isControl),
    day: advanceDay(savings.day, { sums, probe_tokens }, isUncounted, time),
    today: today === null ? savings.today : countReported(sumsOn(today, savings.today), { tokens, probes }, used),
    history: savings.history,
  }
}

/** Counts a generation, before its tokens, in what the fleet saved over time. It is of the hour that begins with it. */
export function countInHistory (savings: ContextSavings, { tokens, probe_tokens: probes = 0 }: Tokens, time: number): ContextSavings {
  const history = savings.history === undefined ? startHistory(savings, time) : advanceHistory(savings.history, savings, time)
  return { ...savings, history: addToHistory(history, tokens + probes) }
}

/** The savings that were stored. Empty sums are one shared object. */
export function shareSavings (savings: ContextSavings): ContextSavings {
  const { sums, day, today } = savings
  const own = today && { ...today, saved: orNone(today.saved) }
  return { ...noSavings(0), ...savings, sums: orNone(sums), day: { ...day, savings: orNone(day.savings) }, today: own }
}

function orNone (sums: Savings): Savings { return sums.treated.generations === 0 && sums.control.samples === 0 ? NO_SAVINGS : sums }
