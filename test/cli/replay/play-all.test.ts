import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { orderByGroup, playAll } from '../../../src/cli/replay/play-all.js'
import type { Gate } from '../../../src/cli/replay/play-generation.js'
import { recorded } from '../traces/recorded.js'

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
  const gate: Gate = {
    async decide ({ generation_id: id, arm }) {
      if (arm === undefined) { running.add(id!); started.push(id!) }
      await setImmediate()
      onDecide(running.size)
      return { decision: 'continue', arm: 'control' }
    },
    report: async ({ generation_id: id }) => { running.delete(id) },
  }
  return { gate, started }
}

const options = { concurrency: 4, signal: new AbortController().signal, onServed: () => {} }

t.test('runs are played once each, in order, up to the concurrency', async (t) => {
  let most = 0
  const { gate, started } = watchedGate((inFlight) => { most = Math.max(most, inFlight) })
  const served: string[] = []
  await playAll(gate, [], runs, { ...options, onServed: ({ run }) => served.push(run.outcome.generation_id) })
  t.equal(most, 4)
  t.strictSame(started, runs.map(({ outcome }) => outcome.generation_id))
  t.equal(new Set(served).size, 40)
})

t.test('the first failure ends the replay', async (t) => {
  const { gate, started } = watchedGate(() => { if (started.length === 8) throw new Error('refused') })
  await t.rejects(playAll(gate, [], runs, options), { message: 'refused' })
  for (let i = 0; i < 20; i++) await setImmediate()
  t.ok(started.length <= 12, 'no further generation starts')
})

t.test('an aborted signal ends the replay with its reason', async (t) => {
  const interrupt = new AbortController()
  const { gate } = watchedGate(() => interrupt.abort(new Error('interrupted')))
  await t.rejects(playAll(gate, [], runs, { ...options, signal: interrupt.signal }), { message: 'interrupted' })
})
