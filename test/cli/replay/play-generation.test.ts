import t from 'tap'
import type { Step } from '../../../src/core/decide/decide.js'
import type { ReportedOutcome } from '../../../src/core/grading/outcome.js'
import { playGeneration, type Gate } from '../../../src/cli/replay/play-generation.js'
import { recorded } from '../traces/recorded.js'

/** A service that assigns `arm` and stops at `stopTokens`. */
function gate (arm: 'control' | 'treated', stopTokens = Infinity) {
  const steps: Step[] = []
  const outcomes: ReportedOutcome[] = []
  const it: Gate = {
    decide: async (step) => { steps.push(step); return { decision: step.tokens >= stopTokens ? 'stop' : 'continue', arm } },
    report: async (outcome) => { outcomes.push(outcome) },
  }
  return { ...it, steps, outcomes }
}

const run = recorded('a', 1, [[0.5, 0], [0.9, 1], [0.99, 1]], {
  group_id: 'g', sample_index: 0, answer_tokens: 5, context: { task: 'sum', model: 'q' }, arm: 'treated',
})

t.test('a control generation asks at every step and reports all steps', async (t) => {
  const service = gate('control')
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
  const service = gate('treated', 10)
  const served = await playGeneration(service, ['task'], run)
  t.match(served, { tokens: 15, em: 0, isStopped: true, arm: 'treated' })
  t.equal(service.steps.length, 1)
  t.match(service.outcomes, [{ generation_id: 'a', arm: 'treated', stopped: true, tokens: 15, em: 0, sample_index: 0 }])
  t.notOk('steps' in service.outcomes[0]!, 'a treated generation has no probes')
})

t.test('a treated generation that never stops reports its full length', async (t) => {
  const service = gate('treated')
  t.match(await playGeneration(service, [], run), { tokens: 100, em: 1, isStopped: false })
  t.match(service.outcomes, [{ arm: 'treated', stopped: false, tokens: 100, em: 1, context: {} }])
})

t.test('a run without steps has no arm', async (t) => {
  const service = gate('treated', 0)
  const served = await playGeneration(service, [], recorded('b', 0, [], { arm: 'treated' }))
  t.match(served, { tokens: 100, em: 0, isStopped: false, arm: null })
  t.strictSame(service.outcomes, [{ generation_id: 'b', context: {}, tokens: 100, em: 0, steps: [] }], 'the recorded arm is not reported')
})

t.test('signals are sent', async (t) => {
  const service = gate('control')
  const steps = [{ tokens: 10, confidence: 0.5, em: 1 as const, signals: { entropy: 0.3 } }]
  await playGeneration(service, [], recorded('c', 1, [], { steps }))
  t.strictSame(service.steps[0]!.signals, { entropy: 0.3 })
})
