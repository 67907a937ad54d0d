import t from 'tap'
import { readRun } from '../../../src/cli/traces/read-traces.js'
import { atCadence, type RecordedRun } from '../../../src/cli/traces/recorded-run.js'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { traceSlot } from '../../../src/core/recording/trace-slot.js'
import { cadenceProblem, replayTraces } from '../../../src/core/views/replay-traces.js'
import { whatIf } from '../../../src/core/views/what-if.js'
import { tracesText } from '../../test-data.js'
import { LEAF, memoryFold, outcomeOf, policyWith, type MemoryFold } from '../learn/memory-fold.js'

const LEVELS = ['model', 'task']

/** Reports runs that were asked at a cadence, each probe costing two tokens. */
function asked (runs: readonly RecordedRun[], policy: PolicyPatch): MemoryFold {
  const fold = memoryFold(policy)
  const { check_every_tokens: checkEveryTokens, check_growth: checkGrowth, min_tokens: minTokens } = policyWith(policy)
  for (const run of runs) {
    const { steps, probeTokens } = atCadence(run, { cadence: { checkEveryTokens, checkGrowth, minTokens }, probeTokens: 2 })
    fold.learn(outcomeOf({
      generation_id: run.outcome.generation_id,
      tokens: run.tokens,
      full: { exact_match: run.em },
      asked_tokens: probeTokens,
      steps: steps.map(({ tokens, confidence, em, probeTokens }) => ({ tokens, confidence, exact_match: em, asked_tokens: probeTokens })),
    }), 1)
  }
  return fold
}

/** Real generations of which each has a slot of its own, so that all of their traces are kept. */
function readRuns (text: string): RecordedRun[] {
  const taken = new Set<number | null>([null])
  return text.trim().split('\n').map((line, i) => readRun(`line ${i}`, line)).filter(({ outcome }) => {
    const slot = traceSlot(outcome.generation_id, taken.size, 3)
    return taken.size <= 150 && !taken.has(slot) && taken.add(slot)
  })
}

t.test('another cadence is answered as a run at that cadence would be', async (t) => {
  const runs = readRuns(tracesText('reasoner'))
  t.equal(runs.length, 150)
  const recorded = asked(runs, { check_every_tokens: 4 })
  const traces = [...recorded.traces.values()]
  t.equal(traces.length, runs.length)
  for (const [check_every_tokens, check_growth] of [[4, 0], [8, 0], [16, 0.5], [4, 1]] as const) {
    const other = { check_every_tokens, check_growth }
    const real = asked(runs, other)
    const policy = policyWith(other)
    const replayed = replayTraces(recorded.state(), policy, LEVELS, traces)
    t.same(evidenceOf(replayed.asked), evidenceOf(real.state()), JSON.stringify(other))
    const { cadence, ...answer } = whatIf(recorded.state(), policy, LEVELS, new Map(), traces)
    const { cadence: _, ...atThatCadence } = whatIf(real.state(), policy, LEVELS, new Map())
    t.same(answer, atThatCadence)
    const spent = cadence!.asked.probe_tokens * runs.length
    t.equal(cadence!.asked.tokens_saved_ratio, -spent / evidenceOf(real.state()).full_tokens, 'nothing is in force')
  }
})

t.test('both cadences are compared at the threshold in force', async (t) => {
  const fold = memoryFold({ check_every_tokens: 10 })
  const steps = [0.2, 1, 1, 1].map((confidence, i) =>
    ({ tokens: 10 * (i + 1), confidence, exact_match: confidence === 1 ? 1 as const : 0 as const, asked_tokens: i + 1 }))
  const outcome = outcomeOf({ steps, asked_tokens: 4 })
  for (let i = 0; i < 200; i++) fold.learn({ ...outcome, generation_id: `g${i}` }, 1)
  t.not(fold.state().threshold, null)
  const policy = policyWith({ check_every_tokens: 20, check_growth: 1 })
  const { comparison } = replayTraces(fold.state(), policy, LEVELS, [...fold.traces.values()])
  t.equal(comparison.threshold, fold.state().threshold)
  t.same(comparison.recorded, {
    check_every_tokens: 10,
    check_growth: 0,
    em_drop: 0,
    tokens_saved_ratio: 0.78,
    tokens_saved_gross_ratio: 0.8,
    probe_tokens: 2,
    checks: 2,
  })
  t.same(comparison.asked, {
    check_every_tokens: 20,
    check_growth: 1,
    em_drop: 0,
    tokens_saved_ratio: 0.79,
    tokens_saved_gross_ratio: 0.8,
    probe_tokens: 1,
    checks: 1,
  })
})

t.test('traces of other epochs are no answer', async (t) => {
  const fold = memoryFold()
  fold.learn(outcomeOf(), 1)
  const others = [...fold.traces.values()].map((trace) => ({ ...trace, epoch: '0-7' }))
  const answer = whatIf(fold.state(), policyWith({ check_every_tokens: 64 }), LEVELS, new Map(), others)
  t.match(answer, { generations: 0, threshold: null })
  t.match(answer.cadence, { recorded: { tokens_saved_ratio: 0, checks: 0 }, asked: { probe_tokens: 0 } })
  t.equal(fold.state(LEAF).generations, 1)
})

t.test('a finer cadence cannot be answered', async (t) => {
  const recorded = { check_every_tokens: 16, check_growth: 0.1, min_tokens: 0 }
  t.equal(cadenceProblem(recorded, recorded), null)
  t.equal(cadenceProblem(recorded, { ...recorded, check_every_tokens: 24, check_growth: 0.2 }), null)
  t.match(cadenceProblem(recorded, { ...recorded, check_every_tokens: 8 }), { path: '/check_every_tokens', message: /at least 16/ })
  t.match(cadenceProblem(recorded, { ...recorded, check_growth: 0 }), { path: '/check_growth', message: /at least 0.1/ })
})
