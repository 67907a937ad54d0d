import t from 'tap'
import type { Decision } from '../../../src/core/decide/decide.js'
import type { Step } from '../../../src/core/decide/step.js'
import type { ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import type { ContextRule } from '../../../src/core/decide/rule.js'
import { numberSamples, orderByGroup, playRun } from '../../../src/cli/evaluate/replay.js'
import { seededRandom } from '../../../src/cli/traces/seeded-random.js'
import { recorded } from '../traces/recorded.js'

/** A service that assigns `arm` and stops at `stopTokens`, and asks again every `every` tokens. */
function fakeService (arm: 'control' | 'treated', stopTokens: number | null, every = 10) {
  const steps: Step[] = []
  const outcomes: ReportedOutcome[] = []
  return {
    steps,
    outcomes,
    rule: () => ({ checkEveryTokens: every, checkGrowth: 0, minTokens: 0, threshold: stopTokens === null ? null : 0.9 }) as ContextRule,
    decide (step: Step) {
      steps.push(step)
      const isStop = arm === 'treated' && stopTokens !== null && step.tokens >= stopTokens
      return { decision: isStop ? 'stop' : 'continue', arm, next_check_tokens: arm === 'treated' && stopTokens === null ? null : every } as Decision
    },
    report (outcome: ReportedOutcome) { outcomes.push(outcome) },
  }
}

const probed = [[10, 0.5, 0], [20, 0.9, 1], [30, 0.99, 1]] as const
const run = recorded('a', 1, [], {
  group_id: 'g',
  sample_index: 1,
  samples: 4,
  answer_tokens: 5,
  context: { task: 'sum', model: 'q' },
  arm: 'treated',
  steps: probed.map(([tokens, confidence, em]) => ({ tokens, confidence, em, probe_tokens: 2 })),
})
const identity = { generation_id: 'a', group_id: 'g', context: { task: 'sum' } }

t.test('a control generation asks at every check and reports them', async (t) => {
  const service = fakeService('control', 10, 20)
  t.match(playRun(service, ['task'], run), { tokens: 100, em: 1, isStopped: false, arm: 'control', probeTokens: 2, hasThreshold: true })
  t.strictSame(service.steps, [
    { ...identity, sample: 1, tokens: 0, confidence: null },
    { ...identity, arm: 'control', tokens: 20, confidence: 0.9 },
  ], 'levels the service does not know are left out, and so are recorded steps between the checks')
  t.strictSame(service.outcomes, [{
    ...identity,
    sample_index: 1,
    samples: 4,
    arm: 'control',
    tokens: 100,
    em: 1,
    answer_tokens: 5,
    steps_asked: 1,
    steps: [{ tokens: 20, confidence: 0.9, em: 1, probe_tokens: 2 }],
  }])
})

t.test('a stopped generation asks no more and reports where it stopped', async (t) => {
  const service = fakeService('treated', 20)
  t.match(playRun(service, ['task'], run), { tokens: 25, em: 1, isStopped: true, arm: 'treated', probeTokens: 4 })
  t.equal(service.steps.length, 3)
  t.match(service.outcomes, [{ generation_id: 'a', arm: 'treated', stopped: true, steps_asked: 2, stopped_probe: { tokens: 20, em: 1 }, tokens: 25, em: 1, probe_tokens: 4 }])
  t.notOk('steps' in service.outcomes[0]!, 'a treated generation has no probes')
})

t.test('a treated generation that nothing can stop is not probed', async (t) => {
  const service = fakeService('treated', null)
  t.match(playRun(service, ['task'], run), { tokens: 100, em: 1, isStopped: false, probeTokens: 0, hasThreshold: false })
  t.equal(service.steps.length, 1)
  t.match(service.outcomes, [{ arm: 'treated', tokens: 100, em: 1, steps_asked: 0, probe_tokens: 0 }])
})

t.test('a generation that ends before its first check never asks', async (t) => {
  const service = fakeService('control', 10, 50)
  t.match(playRun(service, ['task'], run), { tokens: 100, em: 1, isStopped: false, arm: null, probeTokens: 0 })
  t.strictSame([service.steps, service.outcomes], [[], []])
})

t.test('signals are sent, and a run without a group is alone', async (t) => {
  const service = fakeService('control', 10)
  const steps = [{ tokens: 10, confidence: 0.5, em: 1 as const, signals: { entropy: 0.3 } }]
  playRun(service, [], recorded('c', 1, [], { steps }))
  t.strictSame(service.steps[1]!.signals, { entropy: 0.3 })
  t.match(service.outcomes, [{ samples: 1, context: {} }])
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

t.test('samples are numbered in their context', async (t) => {
  const models = ['x', 'y', 'x'].map((model, i) => recorded(`s${i}`, 1, [], { group_id: 'g', sample_index: 7, context: { model } }))
  const numbered = numberSamples([...models, recorded('alone', 1, [])], ({ outcome }) => String(outcome.context?.model))
  const marks = numbered.map(({ outcome: { sample_index: index, samples } }) => [index, samples])
  t.strictSame(marks, [[0, 2], [0, 1], [1, 2], [undefined, undefined]])
})
