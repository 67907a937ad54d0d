import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { addUnit } from '../../../src/core/stats/evidence-sum.js'
import {
  addLists, addToList, differencesAt, emDrop, grossSavedRatio, noEvidence, tokensSaved, tokensSavedRatio, evidenceUnitOf, zeroList,
} from '../../../src/core/stats/evidence.js'
import { NO_EVIDENCE } from './no-evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { holds } from '../../property.js'
import { sumOf, trace, traceOf, unit } from './random-traces.js'

t.test('lists add place by place, to a new list or in place', async (t) => {
  const sums = [1, 2]
  t.strictSame(addLists(sums, [10, 20]), [11, 22])
  t.strictSame(sums, [1, 2])
  addToList(sums, [10, 20])
  t.strictSame(sums, [11, 22])
})

t.test('lists of zeros are shared', async (t) => {
  t.strictSame(zeroList(3), [0, 0, 0])
  t.equal(zeroList(3), zeroList(3))
  t.equal(zeroList(2).length, 2)
})

const LAST = GRID.length - 1

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

t.test('a looser threshold saves no fewer tokens, probes deducted', async (t) => {
  holds(t, fc.property(fc.array(trace, { minLength: 1, maxLength: 12 }), (traces) => {
    const evidence = sumOf(traces)
    for (let k = 1; k <= LAST; k++) {
      assert.ok(tokensSaved(evidence, k) >= tokensSaved(evidence, k - 1))
      assert.ok(tokensSavedRatio(evidence, k) <= grossSavedRatio(evidence, k))
    }
  }), 500)
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

t.test('the unit of a generation has its difference in eighths, its tokens and its unprobed stops at each threshold', async (t) => {
  const stops = [
    { delta: 0, tokens: 100, probeTokens: 9, isUnprobed: false },
    { delta: 1, tokens: 60, probeTokens: 6, isUnprobed: true },
    { delta: -1, tokens: 20, probeTokens: 3, isUnprobed: false },
  ] as const
  t.strictSame(evidenceUnitOf(traceOf(), stops), {
    tokens: 100, em: 1, labelled: 1, unprobed_generations: 1, eighths: [0, 8, -8], stopped_tokens: [100, 60, 20], unprobed: [0, 1, 0],
  })
  t.strictSame(evidenceUnitOf(traceOf({ em: null }), [stops[0]]), {
    tokens: 100, em: 0, labelled: 0, unprobed_generations: 0, eighths: [0], stopped_tokens: [100], unprobed: [0],
  })
  t.strictSame(evidenceUnitOf(traceOf({ probeTokens: 9 }), stops).probe_tokens, [9, 6, 3])
})
