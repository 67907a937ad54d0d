import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  addLost, addTrace, addUnit, differencesAt, type Em, emDrop, type Evidence, fillHalves, grossSavedRatio, mergeEvidence,
  NO_EVIDENCE, noEvidence, type Stop, stopsOf, tokensSaved, tokensSavedRatio, type Trace, type TraceStep, type Unit,
} from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { holds } from '../../property.js'

const LAST = GRID.length - 1

function traceOf (overrides: Partial<Trace> = {}): Trace {
  return { tokens: 100, answerTokens: 0, em: 1, steps: [], isComplete: true, ...overrides }
}

/** DESIGN, "One outcome, every threshold", word by word: each threshold looks for its own first step. */
function stopsAsWritten (trace: Trace, minTokens: number, grid = GRID): Stop[] {
  return grid.map((threshold) => {
    const step = trace.steps.find(({ tokens, score }) => tokens >= minTokens && score !== null && score >= threshold)
    if (step === undefined) {
      const { isComplete, tokens, probeTokens = 0 } = trace
      return { delta: isComplete ? 0 : trace.em ?? 1, tokens, probeTokens, isUnprobed: !isComplete }
    }
    const tokens = Math.min(step.tokens + trace.answerTokens, trace.tokens)
    const probeTokens = step.probeTokens ?? 0
    if (trace.em === null) return { delta: 1, tokens, probeTokens, isUnprobed: step.em === undefined } // only the full one is right
    if (step.em === undefined) return { delta: trace.em, tokens, probeTokens, isUnprobed: true } // the worst case: the stop answer is wrong
    return { delta: (trace.em - step.em) as Stop['delta'], tokens, probeTokens, isUnprobed: false }
  })
}

const em = fc.constantFrom<Em>(0, 1)
const score = fc.oneof(
  fc.constantFrom(...GRID), // ties
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0.99, max: 1, noNaN: true }),
  fc.constant(null)
)
const step: fc.Arbitrary<TraceStep> = fc.record({ tokens: fc.nat({ max: 100 }), score, em: fc.option(em, { nil: undefined }) })
/** Steps in order, with what probes cost so far, and the whole of it. */
const withCosts = (trace: Trace, costs: readonly number[]): Trace => {
  let probeTokens = 0
  const steps = trace.steps.map((step, i) => {
    probeTokens += costs[i] ?? 0
    return { ...step, probeTokens }
  })
  return { ...trace, steps, probeTokens }
}
const plain: fc.Arbitrary<Trace> = fc.record({
  tokens: fc.integer({ min: 100, max: 200 }),
  answerTokens: fc.nat({ max: 50 }),
  em: fc.option(em, { nil: null, freq: 8 }),
  steps: fc.array(step, { maxLength: 12 }).map((steps) => steps.sort((a, b) => a.tokens - b.tokens)),
  isComplete: fc.boolean(),
})
const trace = fc.oneof(plain, fc.tuple(plain, fc.array(fc.nat({ max: 40 }))).map(([trace, costs]) => withCosts(trace, costs)))

const add = (evidence: Evidence, trace: Trace) => addTrace(evidence, trace, stopsOf(trace, 0))
const sumOf = (traces: readonly Trace[]) => traces.reduce(add, NO_EVIDENCE)

t.test('stopsOf equals a search for the first step at every threshold', async (t) => {
  holds(t, fc.property(trace, fc.nat({ max: 100 }), (trace, minTokens) => {
    assert.deepEqual(stopsOf(trace, minTokens), stopsAsWritten(trace, minTokens))
  }), 500)
})

const grids = fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 130 })
  .map((grid) => grid.sort((a, b) => b - a))

t.test('evidence over half-windows equals plain counts, for a grid of any length', async (t) => {
  holds(t, fc.property(grids, fc.array(trace, { maxLength: 12 }), fc.integer({ min: 1, max: 20 }), (grid, traces, window) => {
    let halves: readonly [Evidence, Evidence] = [noEvidence(grid.length), noEvidence(grid.length)]
    for (const trace of traces) halves = fillHalves(halves, addTrace(noEvidence(grid.length), trace, stopsOf(trace, 0, grid)), window)
    const half = Math.ceil(window / 2)
    const kept = traces.slice(Math.max(0, (Math.floor(traces.length / half) - 1) * half))
    const stops = kept.map((trace) => stopsAsWritten(trace, 0, grid))
    const count = (what: (stop: Stop) => number) => grid.map((_, k) => stops.reduce((sum, row) => sum + what(row[k]!), 0))
    const { lost, gained, unprobed, tokens, probe_tokens = grid.map(() => 0), generations } = mergeEvidence(...halves)
    assert.deepEqual({ lost, gained, unprobed, tokens, probe_tokens, generations }, {
      lost: count(({ delta }) => delta === 1 ? 1 : 0),
      gained: count(({ delta }) => delta === -1 ? 1 : 0),
      unprobed: count(({ isUnprobed }) => isUnprobed ? 1 : 0),
      tokens: count(({ tokens }) => tokens),
      probe_tokens: count(({ probeTokens }) => probeTokens),
      generations: kept.length,
    })
    for (const half of halves) assert.equal(half.tokens.length, grid.length)
  }), 500)
})

t.test('a looser threshold saves no fewer tokens, probes deducted', async (t) => {
  holds(t, fc.property(fc.array(trace, { minLength: 1, maxLength: 12 }), (traces) => {
    const evidence = sumOf(traces)
    for (let k = 1; k <= LAST; k++) {
      assert.ok(tokensSaved(evidence, k) >= tokensSaved(evidence, k - 1))
      assert.ok(tokensSavedRatio(evidence, k) <= grossSavedRatio(evidence, k))
    }
  }), 500)
})

t.test('a score equal to the threshold stops', async (t) => {
  for (const [k, score] of GRID.entries()) {
    const stops = stopsOf(traceOf({ steps: [{ tokens: 10, score, em: 1 }] }), 0)
    t.strictSame(stops.map((stop) => stop.tokens), GRID.map((_, i) => i < k ? 100 : 10), `score ${score}`)
  }
})

t.test('a generation that never crosses counts as kept and saves nothing', async (t) => {
  const evidence = sumOf([traceOf({ steps: [{ tokens: 10, score: 0.05, em: 0 }] }), traceOf()])
  t.equal(evidence.generations, 2)
  t.strictSame(evidence.lost, GRID.map(() => 0))
  t.equal(tokensSavedRatio(evidence, LAST), 0)
  t.equal(evidence.unprobed_generations, 0)
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

t.test('evidence adds in any order and merges in any grouping', async (t) => {
  const shuffled = fc.array(trace, { maxLength: 12 }).chain((traces) => fc.record({
    traces: fc.constant(traces),
    order: fc.shuffledSubarray(traces, { minLength: traces.length }),
    cut: fc.nat({ max: traces.length }),
  }))
  holds(t, fc.property(shuffled, ({ traces, order, cut }) => {
    const all = sumOf(traces)
    assert.deepEqual(sumOf(order), all)
    const [a, b] = [sumOf(order.slice(0, cut)), sumOf(order.slice(cut))]
    assert.deepEqual(mergeEvidence(a, b), all)
    assert.deepEqual(mergeEvidence(b, a), all)
  }))
})

t.test('adding does not touch what it adds to', async (t) => {
  const before = JSON.stringify(NO_EVIDENCE)
  sumOf([traceOf({ steps: [{ tokens: 1, score: 1, em: 0 }] })])
  t.equal(JSON.stringify(NO_EVIDENCE), before)
})

t.test('EM drop and tokens saved are ratios of the sums', async (t) => {
  t.equal(emDrop(NO_EVIDENCE, 0), 0)
  t.equal(tokensSavedRatio(NO_EVIDENCE, 0), 0)
  const lost = traceOf({ steps: [{ tokens: 25, score: 1, em: 0 }] })
  const gained = traceOf({ em: 0, steps: [{ tokens: 75, score: 1, em: 1 }] })
  const evidence = sumOf([lost, lost, gained, traceOf()])
  t.equal(emDrop(evidence, LAST), 0.25)
  t.equal(tokensSavedRatio(evidence, LAST), 1 - (25 + 25 + 75 + 100) / 400)
  t.equal(evidence.full_em, 3)
})

const unit: fc.Arbitrary<Unit> = fc.record({
  tokens: fc.nat(1000),
  em: fc.nat(4),
  labelled: fc.nat(4),
  unprobed_generations: fc.nat(4),
  eighths: fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 3, maxLength: 3 }),
  stopped_tokens: fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 }),
  unprobed: fc.array(fc.nat(4), { minLength: 3, maxLength: 3 }),
})

t.test('the differences at a threshold are those of the units, whole and in part', async (t) => {
  holds(t, fc.property(fc.array(unit, { maxLength: 20 }), fc.nat(5), (units, alsoLost) => {
    const evidence = units.reduce((sum, one) => addUnit(sum, one), noEvidence(3))
    for (const k of [0, 1, 2]) {
      const count = (d: number) => units.filter(({ eighths }) => eighths[k] === d).length
      const parts = [-7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7].map((d) => [d, count(d)] as const).filter(([, n]) => n > 0)
      const { lost, kept, gained, partial = [] } = differencesAt(evidence, k, alsoLost)
      assert.deepEqual({ lost, kept, gained }, { lost: count(8) + alsoLost, kept: count(0), gained: count(-8) })
      assert.deepEqual([...partial].sort(([a], [b]) => a - b), parts)
      const drop = units.reduce((sum, { eighths }) => sum + eighths[k]! / 8, 0) / Math.max(1, units.length)
      assert.ok(Math.abs(emDrop(evidence, k) - drop) < 1e-12)
    }
  }))
})

t.test('a unit that is taken out again leaves what was there', async (t) => {
  holds(t, fc.property(fc.array(unit, { maxLength: 6 }), unit, (units, one) => {
    const before = units.reduce((sum, other) => addUnit(sum, other), noEvidence(3))
    const after = addUnit(addUnit(before, one), one, -1)
    const { partial: _, ...sums } = before
    const { partial: __, ...again } = after
    assert.deepEqual(again, sums)
    for (const k of [0, 1, 2]) {
      const sorted = (evidence: Evidence) => {
        const { partial = [], ...whole } = differencesAt(evidence, k)
        return { ...whole, partial: [...partial].sort() }
      }
      assert.deepEqual(sorted(after), sorted(before))
    }
  }))
})

t.test('units of which nothing is known are lost at every threshold', async (t) => {
  const evidence = addLost(sumOf([traceOf()]), 3)
  t.equal(evidence.generations, 4)
  t.ok(evidence.lost.every((count) => count === 3))
  t.equal(evidence.full_tokens, 100)
  t.equal(addLost(evidence, 0), evidence)
})

t.test('rule 4: a slice goes into one half-window as a whole', async (t) => {
  const slice = Array.from({ length: 7 }, () => traceOf()).reduce(add, NO_EVIDENCE)
  const none: readonly [Evidence, Evidence] = [NO_EVIDENCE, NO_EVIDENCE]
  const once = fillHalves(none, slice, 20)
  t.strictSame(once.map(({ generations }) => generations), [7, 0])
  const twice = fillHalves(once, slice, 20)
  t.strictSame(twice.map(({ generations }) => generations), [0, 14], 'beyond half of the window')
  t.strictSame(fillHalves(twice, slice, 20).map(({ generations }) => generations), [7, 14])
})

t.test('rule 7: an answer that agrees with the final one loses nothing, whatever the label says; a verdict of its own overrides it', async (t) => {
  const at = (em: Em | null, step: Partial<TraceStep>) => stopsOf(traceOf({ em, steps: [{ tokens: 10, score: 1, ...step }] }), 0)[LAST]
  for (const em of [0, 1, null] as const) t.match(at(em, { agrees: true }), { delta: 0, isUnprobed: false })
  t.match(at(null, { agrees: false }), { delta: 1, isUnprobed: false }, 'its label may say that the full answer was right')
  t.match(at(0, { agrees: false }), { delta: 0 }, 'a wrong full answer cannot be lost')
  t.match(at(1, { agrees: true, em: 0 }), { delta: 1 })
  t.match(at(null, {}), { delta: 1, isUnprobed: true })
})
