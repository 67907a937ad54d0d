import { chainOf, ROOT } from '../core/policy/context.js'
import type { ContextState } from '../core/judgement/context-state.js'
import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'
import type { GaugeSources } from './gauge-sources.js'

/** Number of contexts that metrics name; the others are summed. */
const SHOWN = 200

/** Reads the busiest contexts for the metrics. While the store cannot be reached, it returns those of the last scrape. */
export function busiestContexts (store: Store, service: Service): Pick<GaugeSources, 'busiest' | 'isLeaf'> {
  let last: ReadonlyMap<string, ContextState> = new Map()
  return {
    isLeaf: (key) => chainOf(key).length === service.snapshot().levels.length + 1,
    async busiest () {
      const keys = [...service.model().links]
        .sort(([, a], [, b]) => b.generations - a.generations)
        .slice(0, SHOWN).map(([key]) => key)
      try { last = await store.readContexts([...new Set([ROOT, ...keys])]) } catch { /* keep the last, see stopgate_store_up */ }
      return last
    },
  }
}
