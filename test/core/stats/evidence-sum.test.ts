import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  addEvidenceTo, addTrace, addUnit, addUnitTo, mergeEvidence, newSum, packEvidence, sumFrom, unpackEvidence,
} from '../../../src/core/stats/evidence-sum.js'
import { NO_EVIDENCE } from './no-evidence.js'
import { noEvidence, tokensSavedRatio } from '../../../src/core/stats/evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { type Stop, stopsOf } from '../../../src/core/stats/trace.js'
import { holds } from '../../property.js'
import { stopsAsWritten, sumOf, trace, traceOf, unit } from './random-traces.js'

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

t.test('evidence equals plain counts, for a grid of any length', async (t) => {
  holds(t, fc.property(grids, fc.array(trace, { maxLength: 12 }), (grid, traces) => {
    const sum = traces.reduce((sum, trace) => addTrace(sum, trace, stopsOf(trace, 0, grid)), noEvidence(grid.length))
    const stops = traces.map((trace) => stopsAsWritten(trace, 0, grid))
    const count = (what: (stop: Stop) => number) => grid.map((_, k) => stops.reduce((sum, row) => sum + what(row[k]!), 0))
    const { lost, gained, unprobed, tokens, probe_tokens = grid.map(() => 0), generations } = sum
    assert.deepEqual({ lost, gained, unprobed, tokens, probe_tokens, generations }, {
      lost: count(({ delta }) => delta === 1 ? 1 : 0),
      gained: count(({ delta }) => delta === -1 ? 1 : 0),
      unprobed: count(({ isUnprobed }) => isUnprobed ? 1 : 0),
      tokens: count(({ tokens }) => tokens),
      probe_tokens: count(({ probeTokens }) => probeTokens),
      generations: traces.length,
    })
    assert.equal(sum.tokens.length, grid.length)
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

t.test('packed evidence is restored unchanged', async (t) => {
  holds(t, fc.property(fc.array(unit, { maxLength: 3 }), (units) => {
    const evidence = units.reduce(addUnit, noEvidence(3))
    assert.deepEqual(unpackEvidence(JSON.parse(JSON.stringify(packEvidence(evidence)))), evidence)
  }))
})

t.test('lists of zeros are left out', async (t) => {
  t.match(packEvidence({ ...noEvidence(3), gained: [0, 0, 1] }), { lost: [], gained: [0, 0, 1], unprobed: [], tokens: [0, 0, 0] })
})
