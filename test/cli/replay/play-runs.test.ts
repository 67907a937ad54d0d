import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { Step } from '../../../src/core/decide/decide.js'
import type { ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import { playGeneration, orderByGroup, playAll, type WorkerApi } from '../../../src/cli/replay/play-runs.js'
import { recorded } from '../traces/recorded.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'

/** A service that assigns `arm` and stops at `stopTokens`. */
function api (arm: 'control' | 'treated', stopTokens = Infinity) {
  const steps: Step[] = []
  const outcomes: ReportedOutcome[] = []
  const it: WorkerApi = {
    decide: async (step) => { steps.push(step); return { decision: step.tokens >= stopTokens ? 'stop' : 'continue', arm } },
    report: async (outcome) => { outcomes.push(outcome) },
  }
  return { ...it, steps, outcomes }
}

const run = recorded('a', 1, [[0.5, 0], [0.9, 1], [0.99, 1]], {
  group_id: 'g', sample_index: 0, answer_tokens: 5, context: { task: 'sum', model: 'q' }, arm: 'treated',
})

t.test('a control generation asks at every step and reports all steps', async (t) => {
  const service = api('control')
  const served = await playGeneration(service, ['task'], run)
  t.match(served, { tokens: 100, em: 1, isStopped: false, arm: 'control' })
  const identity = { generation_id: 'a', group_id: 'g', context: { task: 'sum' } }
  t.strictSame(service.steps, [
    { ...identity, tokens: 10, confidence: 0.5 },
    { ...identity, arm: 'control', tokens: 20, confidence: 0.9 },
    { ...identity, arm: 'control', tokens: 30, confidence: 0.99 },
  ], 'the arm is echoed from the second step on, and levels the service does not know are left out')
  t.strictSame(service.outcomes, [{ ...identity, sample_index: 0, arm: 'control', tokens: 100, answer_tokens: 5, em: 1, steps: run.outcome.steps }])
})

t.test('a stopped generation asks no more and reports where it stopped', async (t) => {
  const service = api('treated', 10)
  const served = await playGeneration(service, ['task'], run)
  t.match(served, { tokens: 15, em: 0, isStopped: true, arm: 'treated' })
  t.equal(service.steps.length, 1)
  const probe = { tokens: 10, em: 0 }
  t.match(service.outcomes, [{ generation_id: 'a', arm: 'treated', stopped: true, steps_asked: 1, stopped_probe: probe, tokens: 15, em: 0, sample_index: 0 }])
  t.notOk('steps' in service.outcomes[0]!, 'a treated generation has no probes')
})

t.test('a treated generation that never stops reports its full length', async (t) => {
  const service = api('treated')
  t.match(await playGeneration(service, [], run), { tokens: 100, em: 1, isStopped: false })
  t.match(service.outcomes, [{ arm: 'treated', stopped: false, tokens: 100, em: 1, context: {} }])
})

t.test('a run without steps has no arm', async (t) => {
  const service = api('treated', 0)
  const served = await playGeneration(service, [], recorded('b', 0, [], { arm: 'treated' }))
  t.match(served, { tokens: 100, em: 0, isStopped: false, arm: null })
  t.strictSame(service.outcomes, [{ generation_id: 'b', samples: 1, context: {}, tokens: 100, em: 0, steps: [] }], 'the recorded arm is not reported')
})

t.test('signals are sent', async (t) => {
  const service = api('control')
  const steps = [{ tokens: 10, confidence: 0.5, em: 1 as const, signals: { entropy: 0.3 } }]
  await playGeneration(service, [], recorded('c', 1, [], { steps }))
  t.strictSame(service.steps[0]!.signals, { entropy: 0.3 })
})

const runs = Array.from({ length: 40 }, (_, i) => recorded(`r${i}`, 1, [[0.5, 1], [0.6, 1]], i < 30 ? { group_id: `g${i % 6}` } : {}))
const ids = (seed: number) => orderByGroup(seededRandom(seed), runs).map(({ outcome }) => outcome.generation_id)

t.test('groups are shuffled and stay together', async (t) => {
  t.strictSame(ids(1), ids(1), 'the seed decides the order')
  t.notSame(ids(1), ids(2))
  t.strictSame(ids(1).sort(), runs.map(({ outcome }) => outcome.generation_id).sort(), 'every run is kept')
  const groups = orderByGroup(seededRandom(1), runs).map(({ outcome }) => outcome.group_id ?? outcome.generation_id)
  t.equal(groups.filter((group, i) => group !== groups[i - 1]).length, 16, '6 groups, and 10 runs without a group')
  t.strictSame(ids(1).filter((id) => runs.findIndex((run) => run.outcome.generation_id === id && run.outcome.group_id === 'g2') >= 0),
    ['r2', 'r8', 'r14', 'r20', 'r26'], 'in the order of the file')
})

function watchedGate (onDecide: (inFlight: number) => void = () => {}) {
  const running = new Set<string>()
  const started: string[] = []
  const api: WorkerApi = {
    async decide ({ generation_id: id, arm }) {
      if (arm === undefined) { running.add(id!); started.push(id!) }
      await setImmediate()
      onDecide(running.size)
      return { decision: 'continue', arm: 'control' }
    },
    report: async ({ generation_id: id }) => { running.delete(id) },
  }
  return { api, started }
}

const options = { concurrency: 4, signal: new AbortController().signal, onServed: () => {} }

t.test('runs are played once each, in order, up to the concurrency', async (t) => {
  let most = 0
  const { api, started } = watchedGate((inFlight) => { most = Math.max(most, inFlight) })
  const served: string[] = []
  await playAll(api, [], runs, { ...options, onServed: ({ run }) => served.push(run.outcome.generation_id) })
  t.equal(most, 4)
  t.strictSame(started, runs.map(({ outcome }) => outcome.generation_id))
  t.equal(new Set(served).size, 40)
})

t.test('the first failure ends the replay', async (t) => {
  const { api, started } = watchedGate(() => { if (started.length === 8) throw new Error('refused') })
  await t.rejects(playAll(api, [], runs, options), { message: 'refused' })
  for (let i = 0; i < 20; i++) await setImmediate()
  t.ok(started.length <= 12, 'no further generation starts')
})

t.test('an aborted signal ends the replay with its reason', async (t) => {
  const interrupt = new AbortController()
  const { api } = watchedGate(() => interrupt.abort(new Error('interrupted')))
  await t.rejects(playAll(api, [], runs, { ...options, signal: interrupt.signal }), { message: 'interrupted' })
})
