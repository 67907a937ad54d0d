import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { NO_EVIDENCE, noEvidence, tokensSavedRatio, type Evidence } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { addTrace, fillHalves, mergeEvidence } from '../../../src/core/certificate/merge-evidence.js'
import { stopsOf, type Stop } from '../../../src/core/certificate/stops.js'
import { holds } from '../../property.js'
import { add, stopsAsWritten, sumOf, trace, traceOf } from './random-traces.js'

const LAST = GRID.length - 1

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

t.test('a generation that never crosses counts as kept and saves nothing', async (t) => {
  const evidence = sumOf([traceOf({ steps: [{ tokens: 10, score: 0.05, em: 0 }] }), traceOf()])
  t.equal(evidence.generations, 2)
  t.strictSame(evidence.lost, GRID.map(() => 0))
  t.equal(tokensSavedRatio(evidence, LAST), 0)
  t.equal(evidence.unprobed_generations, 0)
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

t.test('rule 4: a slice goes into one half-window as a whole', async (t) => {
  const slice = Array.from({ length: 7 }, () => traceOf()).reduce(add, NO_EVIDENCE)
  const none: readonly [Evidence, Evidence] = [NO_EVIDENCE, NO_EVIDENCE]
  const once = fillHalves(none, slice, 20)
  t.strictSame(once.map(({ generations }) => generations), [7, 0])
  const twice = fillHalves(once, slice, 20)
  t.strictSame(twice.map(({ generations }) => generations), [0, 14], 'beyond half of the window')
  t.strictSame(fillHalves(twice, slice, 20).map(({ generations }) => generations), [7, 14])
})
