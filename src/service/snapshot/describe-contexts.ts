import { setImmediate } from 'node:timers/promises'
import type { ContextState } from '../../core/learn/index.js'
import { chainOf, depthOf, parseContextKey, ROOT } from '../../core/policy/index.js'
import { describeRow } from '../../core/reports/index.js'
import { hoursOf, type SavingsHour, type SavingsOfDay } from '../../core/stats/index.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { readSnapshotInputs } from './load-snapshot.js'

/** Some contexts as they were read from the store. */
export interface DescribedContexts {
  readonly rows: ReadonlyArray<ReturnType<typeof describeRow>>
  /** The sums of each on its last day. */
  readonly today: ReadonlyArray<{ readonly key: string, readonly sums: SavingsOfDay }>
}

/** All of them, and what they saved in the last hours. */
export interface AllContexts extends DescribedContexts { readonly hours: readonly SavingsHour[] }

/** Contexts that are described in one turn of the event loop: one or two milliseconds. */
const CHUNK = 10

/**
 * Reads all contexts, a few in each turn of the event loop. Returns what all saved in the last hours.
 * @param at ms
 */
export async function * describeContexts (
  store: Store, config: Config, at: number
): AsyncGenerator<DescribedContexts, readonly SavingsHour[], void> {
  const [all, inputs] = await Promise.all([store.contextKeys(), readSnapshotInputs(store, config, at)])
  const keys = all.filter((key) => parseContextKey(config.levels, key) !== null)
  const above = new Map<string, ContextState>() // all chunks need the root, which alone has the savings of the last hours
  for (let i = 0; i < keys.length; i += CHUNK) {
    const chunk = keys.slice(i, i + CHUNK)
    const links = new Set(chunk.flatMap(chainOf))
    const states = await store.readContexts([...links].filter((key) => !above.has(key)))
    for (const [key, state] of states) if (depthOf(key) < config.levels.length) above.set(key, state)
    for (const key of links) if (!states.has(key) && above.has(key)) states.set(key, above.get(key)!)
    const loaded = { ...inputs, states }
    const known = chunk.filter((key) => states.has(key))
    yield {
      rows: known.map((key) => describeRow(loaded, key, at)),
      today: known.flatMap((key) => {
        const sums = states.get(key)!.savings.today
        return sums === null ? [] : [{ key, sums }]
      }),
    }
    await setImmediate()
  }
  const savings = above.get(ROOT)?.savings
  return savings?.history === undefined ? [] : hoursOf(savings.history, savings)
}

/** Reads all contexts in this thread. */
export async function describeHere (...args: Parameters<typeof describeContexts>): Promise<AllContexts> {
  const collector = new ContextCollector()
  const parts = describeContexts(...args)
  for (;;) {
    const { done, value } = await parts.next()
    if (done === true) return collector.all(value)
    collector.add(value)
  }
}

/** Collects the parts of all contexts. */
export class ContextCollector {
  readonly #rows: Array<DescribedContexts['rows'][number]> = []
  readonly #today: Array<DescribedContexts['today'][number]> = []

  add ({ rows, today }: DescribedContexts): void {
    this.#rows.push(...rows)
    this.#today.push(...today)
  }

  all (hours: readonly SavingsHour[]): AllContexts { return { rows: this.#rows, today: this.#today, hours } }
}
