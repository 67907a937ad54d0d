import { createStore } from '../../src/store/open/create-store.js'
import { ruleFor, type Snapshot } from '../../src/core/decide/snapshot.js'
import type { ContextRule } from '../../src/core/decide/rule.js'
import { loadSnapshot } from '../../src/service/snapshot/load-snapshot.js'
import { temporaryFolder } from './processes.js'
import { leafOf, seed, SEEDED_POLICY } from '../../test/store/seeded-state.js'

/** The snapshot that the service compiles from many contexts. */
export async function seededSnapshot (contexts: number): Promise<Snapshot> {
  const store = await createStore({ dataDir: await temporaryFolder() })
  await seed(store, contexts)
  const { snapshot } = await loadSnapshot(store, { levels: ['model', 'task'], defaultPolicy: SEEDED_POLICY }, null, await store.revision(), 0)
  await store.close()
  return snapshot
}

export async function seededRules (contexts: number): Promise<Record<string, ContextRule>> {
  const snapshot = await seededSnapshot(contexts * 2)
  const leaves = Array.from({ length: contexts }, (_, i) => leafOf(i))
  return Object.fromEntries(leaves.map((leaf) => [`model=${leaf.model},task=${leaf.task}`, ruleFor(snapshot, leaf)]))
}
