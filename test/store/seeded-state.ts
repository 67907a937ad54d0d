import type { ContextState } from '../../src/core/learn/context-state.js'
import { parentKey, ROOT } from '../../src/core/policy/context.js'
import { Cohorts } from '../../src/core/evidence/cohorts.js'
import { newLedger } from '../../src/core/learn/ledger.js'
import type { Store } from '../../src/store/store.js'
import { GAINED, KEPT, LEAF, LOST, memoryFold, outcomeOf } from '../core/learn/memory-fold.js'
import { mulberry32 } from '../random.js'
import { AT_TEST_CADENCE } from '../test-cadence.js'
import { QUICK_POLICY } from '../quick-policy.js'

/** The default policy of the seeded contexts. */
export const SEEDED_POLICY = { ...QUICK_POLICY, ...AT_TEST_CADENCE }

/** Number of tasks of a model. */
const TASKS = 100

/** The key of the i-th leaf of a full tree. */
export const leafOf = (i: number) => ({ model: `model-${Math.floor(i / TASKS)}`, task: `task-${i % TASKS}` })

/** States after a few hundred generations each, most of them certified. */
function samples (count: number): ContextState[] {
  const random = mulberry32(7)
  return Array.from({ length: count }, (_, i) => {
    const fold = memoryFold({ control_rate: 'auto', evidence_span_seconds: QUICK_POLICY.evidence_span_seconds })
    for (let n = 0; n < 250 + 40 * i; n++) {
      const kind = random() < 0.002 ? LOST : random() < 0.01 ? GAINED : KEPT
      const step = { tokens: 30 + Math.floor(random() * 40), confidence: 0.5 + random() / 2, exact_match: kind.steps![0]!.exact_match! }
      fold.learn(outcomeOf({ ...kind, generation_id: `s${n}`, u: random() * 0.02, steps: [step] }), n)
    }
    return fold.state(LEAF)
  })
}

/** Writes many learned contexts and their ancestors, with so many different states, into an empty store. */
export async function seed (store: Store, contexts: number, differing = 20): Promise<void> {
  const kinds = samples(differing)
  const states = new Map<string, ContextState>()
  for (let i = 0; states.size < contexts; i++) {
    const { model, task } = leafOf(i)
    const leaf = `model=${model},task=${task}`
    for (const key of [ROOT, parentKey(leaf)!, leaf]) states.set(key, states.get(key) ?? kinds[(states.size * 7) % kinds.length]!)
  }
  const token = await store.acquireLease('seed', 60_000)
  await store.revision()
  const configuration = { levels: ['model', 'task'], defaults: SEEDED_POLICY, max_contexts: 10_000 }
  const ledger = { ...newLedger(configuration), contexts: states.size }
  const { cursor } = await store.learned()
  const none = new Map<never, never>()
  const nothing = { pending: none, cohorts: none, follow_up: new Cohorts().header, reservoir: none, traces: none, changes: [], days: [] }
  await store.commit({ token: token!, from: cursor, to: cursor, ledger, contexts: states, decisive: [...states.keys()], ...nothing })
  await store.releaseLease(token!)
}

/** Settings of the service on such a store. */
export const SEEDED_ENV = { DEFAULT_POLICY: JSON.stringify(SEEDED_POLICY), LOG_LEVEL: 'info' }
