import { chainOf, ROOT } from '../core/policy/context.js'
import type { ContextState } from '../core/judgement/context-state.js'
import type { Service } from '../replica/service.js'
import type { Store } from '../store/store.js'
import type { GaugeSources } from './gauge-sources.js'

/** Contexts that metrics name; the rest are summed. */
const SHOWN = 200

/** Reads the busiest contexts for the metrics; while the store is out of reach, those of the last scrape. */
export function busiestContexts (store: Store, service: Service): Pick<GaugeSources, 'busiest' | 'isLeaf'> {
  let last: ReadonlyMap<string, ContextState> = new Map()
  return {
    isLeaf: (key) => chainOf(key).length === service.snapshot().levels.length + 1,
    async busiest () {
      const keys = [...service.model().links]
        .sort(([, a], [, b]) => b.generations - a.generations)
        .slice(0, SHOWN).map(([key]) => key)
      try { last = await store.readContexts([...new Set([ROOT, ...keys])]) } catch { /* the last reading stands; store_up says why */ }
      return last
    },
  }
}
