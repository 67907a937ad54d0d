import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Differences, logEvidence } from '../../../src/core/certificate/certificate.js'
import {
  addEvidenceTo, addTrace, addUnit, addUnitTo, fillHalves, leftOutBeside, mergeEvidence, newSum, packEvidence, prefixDifferences,
  sumFrom, sumOfOpen, unpackEvidence,
} from '../../../src/core/certificate/evidence-sum.js'
import { addLost, differencesAt, type Evidence, NO_EVIDENCE, noEvidence, tokensSavedRatio } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { type Stop, stopsOf } from '../../../src/core/certificate/trace.js'
import { holds } from '../../property.js'
import { add, stopsAsWritten, sumOf, trace, traceOf, unit } from './random-traces.js'

const units = fc.array(unit, { maxLength: 8 })

t.test('units and evidence add in any grouping, and the first term of a sum stays unchanged', async (t) => {
  holds(t, fc.property(units, units, (some, others) => {
    const first = some.reduce(addUnit, noEvidence(3))
    const before = JSON.stringify(first)
    const sum = sumFrom(first)
    for (const one of others) addUnitTo(sum, one)
    assert.equal(JSON.stringify(first), before)
    const other = newSum(3)
    for (const one of others) addUnitTo(other, one)
    assert.deepEqual(mergeEvidence(first, other), sum)
    addEvidenceTo(other, first)
    assert.deepEqual(other, sum)
    assert.equal(sum.generations, some.length + others.length)
    const drop = [...some, ...others].reduce((all, { eighths }) => all + eighths[0]! / 8, 0)
    assert.equal(sum.lost[0]! - sum.gained[0]!, drop)
  }))
})

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

t.test('adding does not change its terms', async (t) => {
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

const evidence = fc.array(unit, { maxLength: 5 }).map((units) => units.reduce(addUnit, noEvidence(3)))
const open = fc.array(fc.record({ evidence, unaccounted: fc.nat(3) }), { maxLength: 4 })

/** The same for any way of writing the parts of units. */
const sorted = ({ partial = [], ...whole }: Differences) => {
  const units = new Map<number, number>()
  for (const [eighths, count] of partial) units.set(eighths, (units.get(eighths) ?? 0) + count)
  return { ...whole, partial: [...units].sort(([a], [b]) => a - b) }
}

t.test('each prefix is the sum of the final slices and of the open ones up to its end, in which the unaccounted are lost', async (t) => {
  holds(t, fc.property(evidence, evidence, open, (filling, full, slices) => {
    let sum: Evidence = mergeEvidence(filling, full)
    const expected = [sum, ...slices.map((slice) => (sum = addLost(mergeEvidence(sum, slice.evidence), slice.unaccounted)))]
    for (const k of [0, 1, 2]) {
      const prefixes = prefixDifferences([filling, full], slices, k)
      assert.deepEqual(prefixes.map(sorted), expected.map((prefix) => sorted(differencesAt(prefix, k))))
      for (const [i, prefix] of prefixes.entries()) {
        assert.ok(Math.abs(logEvidence(0.02, prefix) - logEvidence(0.02, differencesAt(expected[i]!, k))) < 1e-9)
      }
    }
    const { evidence: all, unaccounted } = sumOfOpen(slices, 3)
    assert.deepEqual(all, slices.reduce((so, slice) => mergeEvidence(so, slice.evidence), noEvidence(3)))
    assert.equal(unaccounted, slices.reduce((so, slice) => so + slice.unaccounted, 0))
  }))
  t.equal(sumOfOpen([{ evidence: noEvidence(3), unaccounted: 2 }], 3).evidence, noEvidence(3), 'empty evidence is one object')
})

t.test('each prefix has the units that are left out of its own slices', async (t) => {
  const kept = { tokens: 1, em: 0, labelled: 0, unprobed_generations: 0, eighths: [0], stopped_tokens: [1], unprobed: [0] }
  const one = addUnit(noEvidence(1), kept)
  const slices = [{ evidence: one, unaccounted: 0, left_out: 2 }, { evidence: one, unaccounted: 1 }]
  const leftOut = (fates: Parameters<typeof leftOutBeside>[1]) =>
    prefixDifferences([one, one], slices, 0, fates).map((prefix) => prefix.leftOut)
  t.strictSame(leftOut({ accounted: 3, missing: 1, excluded: 1 }), [0.5, 2.5, 2.5])
  t.strictSame(leftOut({ accounted: 2, missing: 0, excluded: 0 }), [undefined, 2, 2])
  t.equal(leftOutBeside(0, { accounted: 0, missing: 0, excluded: 3 }), 3, 'all are left out')
  t.equal(sumOfOpen(slices, 1).left_out, 2)
})

t.test('packed evidence is restored unchanged', async (t) => {
  holds(t, fc.property(fc.array(unit, { maxLength: 3 }), (units) => {
    const evidence = units.reduce(addUnit, noEvidence(3))
    assert.deepEqual(unpackEvidence(JSON.parse(JSON.stringify(packEvidence(evidence)))), evidence)
  }))
})

t.test('lists of zeros are left out', async (t) => {
  t.match(packEvidence({ ...noEvidence(3), gained: [0, 0, 1] }), { lost: [], gained: [0, 0, 1], unprobed: [], tokens: [0, 0, 0] })
})
