import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import type { Em } from '../../../src/core/decide/step.js'
import { keepTrace, stepsAtCadence, stopsOf, type Trace, traceOfKept, type TraceStep } from '../../../src/core/stats/trace.js'
import type { Cadence } from '../../../src/core/policy/policy.js'
import { holds } from '../../property.js'
import { stopsAsWritten, sumOf, trace, traceOf } from './random-traces.js'

const TRACE: Trace = {
  tokens: 60,
  answerTokens: 2,
  em: null,
  isComplete: true,
  probeTokens: 5,
  steps: [
    { tokens: 10, score: 0.5, probeTokens: 1, em: 1 },
    { tokens: 20, score: null, probeTokens: 2 },
    { tokens: 30, score: 0.7, probeTokens: 3, em: 0 },
    { tokens: 40, score: 0.8, probeTokens: 4, agrees: false },
    { tokens: 50, score: 0.9, probeTokens: 5, agrees: true },
  ],
}

t.test('a kept trace says the same as the trace', async (t) => {
  const kept = keepTrace('1-0', TRACE)
  t.equal(kept.steps.answers, '1-0x=')
  t.same(traceOfKept(JSON.parse(JSON.stringify(kept))), TRACE)
})

t.test('where no probe was reported, none is kept', async (t) => {
  const { probeTokens: _, ...rest } = TRACE
  const free = { ...rest, steps: TRACE.steps.map(({ probeTokens: _, ...step }) => step) }
  const kept = keepTrace('1-0', free)
  t.notOk('probe_tokens' in kept || 'probe_tokens' in kept.steps)
  t.same(traceOfKept(kept), { ...free, probeTokens: undefined })
})

const every = (checkEveryTokens: number, checkGrowth = 0, minTokens = 0): Cadence => ({ checkEveryTokens, checkGrowth, minTokens })

/** A run that was asked at every `distance` tokens, with what the probes up to each step cost. */
function stepsOf (distance: number, costs: readonly number[]) {
  let sum = 0
  return costs.map((cost, i) => {
    sum += cost
    return { tokens: distance * (i + 1), probeTokens: sum }
  })
}

const runs = fc.record({ distance: fc.integer({ min: 1, max: 40 }), costs: fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }) })
const growths = fc.constantFrom(0, 0.1, 0.3, 1)

t.test('the recorded cadence changes nothing', async (t) => {
  holds(t, fc.property(runs, ({ distance, costs }) => {
    const steps = stepsOf(distance, costs)
    t.strictSame(stepsAtCadence(steps, every(distance)).steps, steps)
  }))
})

t.test('a multiple of the recorded distance equals a schedule at that distance', async (t) => {
  holds(t, fc.property(runs, fc.integer({ min: 1, max: 8 }), growths, ({ distance, costs }, times, growth) => {
    const cadence = every(distance * times, growth)
    const dense = stepsAtCadence(stepsOf(1, Array(distance * costs.length).fill(1)), cadence, 0) // a run that is asked at every token
    const replayed = stepsAtCadence(stepsOf(distance, costs), cadence, 0)
    t.strictSame(replayed.steps.map(({ tokens }) => tokens), dense.steps.map(({ tokens }) => tokens))
  }))
})

t.test('asking less often twice is asking less often once', async (t) => {
  holds(t, fc.property(runs, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }), ({ distance, costs }, once, twice) => {
    const steps = stepsOf(distance, costs)
    const between = stepsAtCadence(steps, every(distance * once), 3).steps
    const less = every(distance * once * twice)
    t.strictSame(stepsAtCadence(between, less).steps, stepsAtCadence(steps, less, 3).steps)
  }))
})

t.test('a check between recorded steps comes at the next recorded step, and each step costs its own probe', async (t) => {
  const steps = stepsOf(10, [1, 2, 3, 4, 5, 6])
  const expected = [{ tokens: 30, probeTokens: 3 }, { tokens: 50, probeTokens: 8 }]
  t.strictSame(stepsAtCadence(steps, every(25)), { steps: expected, probeTokens: 8 })
  t.strictSame(stepsAtCadence(steps, every(10, 0, 45)).steps.map(({ tokens }) => tokens), [50, 60], 'nothing is asked before min_tokens')
})

t.test('steps that say nothing of probes stay free', async (t) => {
  t.strictSame(stepsAtCadence([{ tokens: 10 }, { tokens: 20 }], every(20)), { steps: [{ tokens: 20 }] })
})

const LAST = GRID.length - 1

t.test('stopsOf equals a search for the first step at every threshold', async (t) => {
  holds(t, fc.property(trace, fc.nat({ max: 100 }), (trace, minTokens) => {
    assert.deepEqual(stopsOf(trace, minTokens), stopsAsWritten(trace, minTokens))
  }), 500)
})

t.test('a score equal to the threshold stops', async (t) => {
  for (const [k, score] of GRID.entries()) {
    const stops = stopsOf(traceOf({ steps: [{ tokens: 10, score, em: 1 }] }), 0)
    t.strictSame(stops.map((stop) => stop.tokens), GRID.map((_, i) => i < k ? 100 : 10), `score ${score}`)
  }
})

t.test('stops are counted as lost, kept and gained', async (t) => {
  const stop = (full: Em, stopped: Em) => stopsOf(traceOf({ em: full, steps: [{ tokens: 10, score: 1, em: stopped }] }), 0)[0]!.delta
  t.equal(stop(1, 0), 1)
  t.equal(stop(1, 1), 0)
  t.equal(stop(0, 0), 0)
  t.equal(stop(0, 1), -1)
})

t.test('crossing at a step without a probe counts as the worst case and as unprobed', async (t) => {
  const right = traceOf({ steps: [{ tokens: 10, score: GRID[5]! }, { tokens: 20, score: 1, em: 1 }] })
  const stops = stopsOf(right, 0)
  t.match(stops[4], { delta: 0, tokens: 20, isUnprobed: false }, 'safer thresholds look at the probed step')
  t.match(stops[5], { delta: 1, tokens: 10, isUnprobed: true })
  t.equal(stopsOf({ ...right, em: 0 }, 0)[5]!.delta, 0, 'a wrong full answer can not be lost')
  const evidence = sumOf([right, traceOf()])
  t.equal(evidence.unprobed_generations, 1)
  t.equal(evidence.unprobed[5], 1)
  t.equal(evidence.unprobed[4], 0)
})

t.test('an incomplete trace is the worst case at every threshold it did not cross', async (t) => {
  const stops = stopsOf(traceOf({ isComplete: false, steps: [{ tokens: 10, score: GRID[20]!, em: 1 }] }), 0)
  t.match(stops[19], { delta: 1, tokens: 100, isUnprobed: true })
  t.match(stops[20], { delta: 0, tokens: 10, isUnprobed: false })
})

t.test('a step before min_tokens or of unknown confidence stops nothing', async (t) => {
  const steps: TraceStep[] = [{ tokens: 10, score: 1, em: 0 }, { tokens: 20, score: null, em: 0 }, { tokens: 30, score: 1, em: 1 }]
  t.equal(stopsOf(traceOf({ steps }), 10)[0]!.tokens, 10, 'at min_tokens it may')
  t.equal(stopsOf(traceOf({ steps }), 11)[0]!.tokens, 30)
})

t.test('answer tokens count, up to the length of the full run', async (t) => {
  const tokensAt = (tokens: number) => stopsOf(traceOf({ answerTokens: 15, steps: [{ tokens, score: 1, em: 1 }] }), 0)[0]!.tokens
  t.equal(tokensAt(10), 25)
  t.equal(tokensAt(90), 100)
})

t.test('E6: an answer that agrees with the final one loses nothing, whatever the label says; a verdict of its own overrides it', async (t) => {
  const at = (em: Em | null, step: Partial<TraceStep>) => stopsOf(traceOf({ em, steps: [{ tokens: 10, score: 1, ...step }] }), 0)[LAST]
  for (const em of [0, 1, null] as const) t.match(at(em, { agrees: true }), { delta: 0, isUnprobed: false })
  t.match(at(null, { agrees: false }), { delta: 1, isUnprobed: false }, 'its label may say that the full answer was right')
  t.match(at(0, { agrees: false }), { delta: 0 }, 'a wrong full answer cannot be lost')
  t.match(at(1, { agrees: true, em: 0 }), { delta: 1 })
  t.match(at(null, {}), { delta: 1, isUnprobed: true })
})
