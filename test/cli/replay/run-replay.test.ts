import t from 'tap'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { runReplay, type ReplayRequest } from '../../../src/cli/replay/run-replay.js'
import type { ReplayClient } from '../../../src/cli/replay/service-client.js'
import { recorded } from '../traces/recorded.js'

const runs = ['x', 'y'].map((task) => recorded(task, 1, [[0.9, 1]], { context: { task, site: 's' } }))

/** A service that knows the context `task=x` only. */
function request (service: Partial<ReplayClient> = {}): ReplayRequest & { notes: string[] } {
  const notes: string[] = []
  return {
    runs,
    seed: 1,
    concurrency: 2,
    signal: new AbortController().signal,
    requests: () => 7,
    onServed () {},
    onNote (note) { notes.push(note) },
    notes,
    service: {
      levels: async () => ['task'],
      policy: async () => ({ ...DEFAULT_POLICY, follow_up_seconds: 0, max_em_drop: 0.03 }),
      contexts: async () => [{ key: 'task=x', threshold: 0.9, scope: 'own', score: 'confidence', policy: DEFAULT_POLICY }] as Awaited<ReturnType<ReplayClient['contexts']>>,
      decide: async () => ({ decision: 'continue', arm: 'control' }),
      report: async () => {},
      hasLearned: async () => true,
      duplicates: () => 0,
      ...service,
    },
  }
}

t.test('contexts follow the levels of the service', async (t) => {
  const replay = request()
  const result = await runReplay(replay)
  t.match(result, { seed: 1, concurrency: 2, levels: ['task'], requests: 7, total: { generations: 2 } })
  t.match(result.contexts, [
    { key: 'task=x', threshold: 0.9, scope: 'own', max_em_drop: 0.02 },
    { key: 'task=y', threshold: null, scope: 'none', max_em_drop: 0.03 }, // beyond MAX_CONTEXTS
  ])
  t.strictSame(replay.notes, [])
})

t.test('a policy with a follow-up is left as it is, and a note says so', async (t) => {
  const policy = { ...DEFAULT_POLICY, evidence_span_seconds: 600 }
  const replay = request({ policy: async (key) => ({ ...policy, follow_up_seconds: key === 'task=x' ? 300 : 0 }) })
  await runReplay(replay)
  t.match(replay.notes, [/follow_up_seconds is up to 300 in 1 of 2 contexts: evidence is taken in slices/, /600 seconds: set it to 0/])
})

t.test('notes report duplicate outcomes, and outcomes that are not learned yet', async (t) => {
  const replay = request({ duplicates: () => 2, hasLearned: async () => false })
  await runReplay(replay)
  t.match(replay.notes, [/^2 of the outcomes were already known/, /has not learned from all outcomes yet/])
})
