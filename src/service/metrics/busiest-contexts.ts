import type { ContextState } from '../../core/learn/index.js'
import { chainOf, ROOT } from '../../core/policy/index.js'
import type { Store } from '../../store/store.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import type { GaugeSources } from './gauges.js'

/** Number of contexts that metrics name; the others are summed. */
const SHOWN = 200

/** Reads the busiest contexts for the metrics. */
export function busiestContexts (store: Store, snapshotHolder: SnapshotHolder): Pick<GaugeSources, 'busiest' | 'isLeaf' | 'policyOf'> {
  return {
    isLeaf: (key) => chainOf(key).length === snapshotHolder.snapshot().levels.length + 1,
    policyOf: (key) => snapshotHolder.loaded().links.get(key)?.policy,
    busiest: keepLastKnown(async () => {
      const links = [...snapshotHolder.loaded().links].sort(([, a], [, b]) => b.generations - a.generations).slice(0, SHOWN)
      return await store.readContexts([...new Set([ROOT, ...links.map(([key]) => key)])])
    }, new Map<string, ContextState>()),
  }
}

/** Reads for the metrics. While the store cannot be reached, it returns the last result; stopgate_store_up shows the failure. */
export function keepLastKnown<T> (read: () => Promise<T>, last: T): () => Promise<T> {
  return async () => {
    try { last = await read() } catch { /* keep the last result */ }
    return last
  }
}
