import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { type Em, type Stop, stepsAtCadence, stopsOf, type Trace } from '../../../src/core/certificate/trace.js'
import { CADENCE_CANDIDATES, type CadenceNumbers, candidatesFor, chooseCadence, estimateCadence } from '../../../src/core/contexts/cadence-choice.js'
import { holds } from '../../property.js'

const BOUND = { minTokens: 0, maxEmDrop: 0.02 }

/** A run with a step every 8 tokens, which every candidate can be read from. */
function runOf (tokens: number, em: Em, scores: readonly number[], right: readonly Em[], probe: number, answerTokens = 0): Trace {
  const steps = Array.from({ length: Math.floor((tokens - answerTokens) / 8) }, (_, i) => ({
    tokens: 8 * (i + 1), score: scores[i % scores.length]!, em: right[i % right.length]!, probeTokens: probe * (i + 1),
  }))
  return { tokens, answerTokens, em, steps, isComplete: true, probeTokens: probe * steps.length }
}

const em = fc.constantFrom<Em>(0, 1)

const traces = fc.integer({ min: 0, max: 20 }).chain((probe) => fc.array(fc.record({
  tokens: fc.integer({ min: 8, max: 1200 }),
  em,
  scores: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
  right: fc.array(em, { minLength: 1, maxLength: 40 }),
  answerTokens: fc.integer({ min: 0, max: 6 }),
}).map((one) => runOf(one.tokens, one.em, one.scores, one.right, probe, one.answerTokens)), { minLength: 2, maxLength: 12 }))

/** The chance that a normal variable is below z, by the trapezoidal rule. */
function normalCdf (z: number): number {
  let sum = 0
  for (let x = -8; x < z; x += 0.01) sum += 0.01 * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI)
  return sum
}

interface Figures { readonly index: number, readonly saved: number, readonly expected: number }

/** Net tokens saved by a cadence, by replaying the runs at it: at the best threshold within the bound, and as expected. */
function bruteForce (runs: readonly Trace[], { check_every_tokens, check_growth }: CadenceNumbers): Figures {
  const cadence = { checkEveryTokens: check_every_tokens, checkGrowth: check_growth, minTokens: 0 }
  const stops = runs.map((run) => {
    const each = run.steps.length === 0 ? 0 : run.probeTokens! / run.steps.length
    const asked = { ...run, probeTokens: 0, ...stepsAtCadence(run.steps, cadence, each) }
    return { run, asked, stops: stopsOf(asked, 0) }
  })
  const full = runs.reduce((sum, { tokens }) => sum + tokens, 0)
  const unstopped = stops.reduce((sum, { asked }) => sum + asked.probeTokens, 0) / full
  const net = (tokens: number, { tokens: at, probeTokens }: Stop) => tokens - at - probeTokens
  const savedAt = (k: number) => stops.reduce((sum, { run, stops: its }) => sum + net(run.tokens, its[k]!), 0) / full
  let best = { index: -1, saved: -unstopped }
  let [within, most, isWithin] = [1, 0, true]
  let expected = 0
  for (const [k] of GRID.entries()) {
    const sum = (of: (delta: number) => number) => stops.reduce((total, one) => total + of(one.stops[k]!.delta), 0)
    const lost = sum((delta) => delta)
    const chance = Math.min(within, normalCdf((0.02 * runs.length - lost) / Math.sqrt(1 + sum(Math.abs))))
    // The chance that it is not within the bound, and those before it are: the best of them is then served, and a quarter of
    // the generations is spent on learning. Half of them are where none is within it.
    expected += (within - chance) * (k === 0 ? -unstopped / 2 : 3 / 4 * most - unstopped / 4)
    within = chance
    isWithin &&= lost / runs.length <= BOUND.maxEmDrop
    most = Math.max(most, savedAt(k))
    if (isWithin && (best.index === -1 || savedAt(k) > best.saved)) best = { index: k, saved: savedAt(k) }
  }
  return { ...best, expected: expected + within * (3 / 4 * most - unstopped / 4) }
}

t.test('property: every estimate is that of the brute-force evaluation, where the steps show it', async (t) => {
  holds(t, fc.property(traces, fc.constantFrom(...CADENCE_CANDIDATES), (runs, numbers) => {
    const { tokens_saved_ratio: saved, expected_saved_ratio: expected, threshold } = estimateCadence(runs, numbers, BOUND)
    const exact = bruteForce(runs, numbers)
    const scale = 1 + Math.abs(exact.expected) + Math.abs(exact.saved)
    const isSame = threshold === (GRID[exact.index] ?? null) && Math.abs(saved - exact.saved) < 1e-9
    return isSame && Math.abs(expected - exact.expected) < 0.02 * scale
  }))
})

t.test('property: the chosen cadence has the longest distance from which at most a twentieth less is expected than from the best', async (t) => {
  holds(t, fc.property(traces, (runs) => {
    const estimates = candidatesFor(runs).map((numbers) => estimateCadence(runs, numbers, BOUND))
    const most = Math.max(...estimates.map((one) => one.expected_saved_ratio))
    const { check_every_tokens: every, check_growth: growth, reason, candidates } = chooseCadence(runs, BOUND)
    if (most <= 0) return reason !== 'saves' && every === 256 && growth === 1 / 4
    const good = estimates.filter((one) => one.expected_saved_ratio >= 0.95 * most)
    const longest = Math.max(...good.map((one) => one.check_every_tokens))
    const growths = good.filter((one) => one.check_every_tokens === longest).map((one) => one.check_growth)
    return every === longest && growth === Math.max(...growths) &&
      candidates[0]!.check_every_tokens === every && candidates[0]!.check_growth === growth
  }))
})

t.test('an early threshold that 64 runs show as lossless does not outweigh a late one whose probes cost less', async (t) => {
  // Both stop at half of the tokens. By every eighth token, half of the gain goes into probes, also those of learning.
  const scores = Array.from({ length: 32 }, (_, i) => i < 15 ? 0 : 1)
  const sure = Array.from({ length: 64 }, () => runOf(256, 1, scores, [1], 4))
  const { check_every_tokens: every, reason } = chooseCadence(sure, BOUND)
  t.equal(reason, 'saves')
  t.ok(every >= 64)
})

t.test('a few lost answers make a threshold unlikely, and gained ones make it likely again', async (t) => {
  const expectedWith = (lost: number, gained: number) => {
    const runs = Array.from({ length: 64 }, (_, i) => runOf(256, i < gained ? 0 : 1, [1], [i < gained ? 1 : i < gained + lost ? 0 : 1], 1))
    return estimateCadence(runs, { check_every_tokens: 32, check_growth: 0 }, BOUND).expected_saved_ratio
  }
  t.ok(expectedWith(0, 0) > 2 * expectedWith(3, 0))
  t.ok(expectedWith(3, 3) > 2 * expectedWith(3, 0))
  t.ok(expectedWith(0, 0) > expectedWith(3, 3), 'but it is less certain')
  t.ok(expectedWith(10, 0) < 0, 'and none is expected to be certified')
})

t.test('checks between the recorded steps stop where the score may have crossed in between, and cost their probes', async (t) => {
  // It crosses between 0 and 64 tokens. Every 16 tokens, it stops at 16, 32, 48 or 64 with equal chance, after 1 to 4 probes of 2 tokens.
  const steps = [{ tokens: 64, score: 1, em: 1, probeTokens: 2 }] as const
  const run: Trace = { tokens: 128, answerTokens: 0, em: 1, isComplete: true, probeTokens: 2, steps }
  t.match(estimateCadence([run], { check_every_tokens: 16, check_growth: 0 }, BOUND), {
    tokens_saved_ratio: (128 - 40 - 5) / 128, tokens_saved_gross_ratio: (128 - 40) / 128,
  })
})

t.test('a sum over very many checks is that over each of them', async (t) => {
  const run = (end: number): Trace => ({
    tokens: end, answerTokens: 0, em: 1, isComplete: true, probeTokens: 1, steps: [{ tokens: end - 4, score: 1, em: 1, probeTokens: 1 }],
  })
  for (const end of [8 * 64, 8 * 67 + 3, 8 * 500 + 5]) {
    const { tokens_saved_ratio: saved } = estimateCadence([run(end)], { check_every_tokens: 8, check_growth: 0 }, BOUND)
    let [at, asked, share] = [0, 0, 0]
    for (let due = 8, last = 0, n = 1; last < end - 4 && due <= end; last = due, due += 8, n++) {
      const part = (Math.min(due, end - 4) - last) / (end - 4)
      at += part * due
      asked += part * n
      share += part
    }
    const never = 1 - share // the next check would be after the end
    t.ok(Math.abs(saved - (share * end - at - asked - never * Math.floor(end / 8)) / end) < 1e-9, String(end))
  }
  const longest = run(1_000_000_000)
  const started = performance.now()
  chooseCadence([longest], BOUND)
  t.ok(performance.now() - started < 1000, 'and a run without end takes no time')
})

t.test('where no candidate is expected to save net, it is the one with the fewest probes', async (t) => {
  const wrong = (probe: number) => Array.from({ length: 64 }, () => runOf(640, 1, [1], [0], probe))
  const cheapest = { check_every_tokens: 256, check_growth: 1 / 4 }
  t.match(chooseCadence(wrong(1), BOUND), { ...cheapest, reason: 'accuracy', candidates: [{ threshold: null }] })
  t.match(chooseCadence(wrong(16), BOUND), { ...cheapest, reason: 'accuracy' }, 'one probe and a stop after 8 tokens would save most of them')
  t.match(chooseCadence([{ ...runOf(4, 1, [1], [1], 0) }], BOUND), { ...cheapest, reason: 'accuracy' }, 'too short for any check')
  const costly = (right: 0 | 1) => Array.from({ length: 64 }, () => runOf(640, 1, [1], [right], 700))
  for (const right of [0, 1] as const) t.match(chooseCadence(costly(right), BOUND), { ...cheapest, reason: 'probe_cost' })
})

t.test('workers that ask at steps of their own get no shorter distance than theirs, unless they follow the one in force', async (t) => {
  const every32: Trace[] = Array.from({ length: 8 }, () => ({
    tokens: 64, answerTokens: 0, em: 1, isComplete: true, steps: [{ tokens: 32, score: 0.95, em: 1 }, { tokens: 64, score: 0.99, em: 1 }],
  }))
  t.match(chooseCadence(every32, BOUND), { reason: 'saves', check_every_tokens: 32 })
  t.ok(chooseCadence(every32, BOUND, { check_every_tokens: 32, check_growth: 0 }).check_every_tokens < 32)
  const votes: Trace[] = [{ ...every32[0]!, tokens: 90_000, steps: [{ tokens: 6000, score: 1, em: 1 }, { tokens: 9000, score: 1, em: 1 }] }]
  t.equal(chooseCadence(votes, BOUND).check_every_tokens, 256, 'the longest stands for those that are longer')
})

t.test('a step that was not probed has the last probed answer', async (t) => {
  const run: Trace = {
    tokens: 64, answerTokens: 0, em: 1, isComplete: true, steps: [{ tokens: 8, score: 0.99, em: 1 }, { tokens: 16, score: 0.9 }],
  }
  const { em_drop: drop, threshold } = estimateCadence([run], { check_every_tokens: 16, check_growth: 0 }, BOUND)
  t.equal(drop, 0)
  t.not(threshold, null)
  const judged = { ...run, em: null, steps: [{ tokens: 8, score: 0.99, difference: 0 }, { tokens: 16, score: 0.9 }] }
  t.equal(estimateCadence([judged], { check_every_tokens: 16, check_growth: 0 }, BOUND).em_drop, 0, 'also if a judge has compared it')
})
