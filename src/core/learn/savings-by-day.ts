import { chainOf, ROOT } from '../policy/context.js'
import { addSums, dayOf, type SavingsOfDay, type SavingsSums, sumsOn } from '../stats/savings-sums.js'
import { withSlices } from './context-state.js'
import type { Fold } from './fold.js'

/** The day (UTC) of the log. */
export function presentDay ({ cohorts }: Fold): number { return dayOf(cohorts.time ?? 0) }

/**
 * The context of a chain in which a generation counts: its leaf or, where there is no room for that, the nearest one above it. So the sums
 * of all contexts are those of all generations.
 */
export function deepestOf (fold: Fold, chain: readonly string[]): string {
  return chain.findLast((link) => fold.get(link) !== undefined) ?? ROOT
}

/**
 * Notes the sums of the days that end before an entry. States keep theirs until their next outcome, so that the end of a day changes none
 * of them.
 */
export function endDays (fold: Fold, time: number): void {
  const { time: last } = fold.cohorts
  const [from, until] = [dayOf(last ?? 0), dayOf(time)] // of a new or damaged clock, all days: the store keeps those that it has
  if (until <= from) return
  const days = new Map<number, Map<string, SavingsSums>>()
  for (const key of fold.keys()) {
    const today = fold.get(key)?.savings.today ?? null
    if (today === null || today.day < from || today.day >= until) continue
    const { day, ...sums } = today
    if (!days.has(day)) days.set(day, new Map())
    days.get(day)!.set(key, sums)
  }
  fold.days.push(...[...days].sort(([a], [b]) => a - b).map(([day, contexts]) => ({ day, contexts })))
}

/** Adds the day of a context that is removed to the nearest one above it. */
export function moveToday (fold: Fold, key: string): void {
  const today = fold.get(key)?.savings.today ?? null
  const above = deepestOf(fold, chainOf(key).slice(0, -1))
  const state = fold.get(above)
  if (today?.day !== presentDay(fold) || state === undefined) return
  const sum: SavingsOfDay = { day: today.day, ...addSums(sumsOn(today.day, state.savings.today), today) }
  fold.set(above, withSlices(state, { savings: { ...state.savings, today: sum } }))
}
