import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { addLost, differencesAt, emDrop, grossSavedRatio, NO_EVIDENCE, noEvidence, tokensSaved, tokensSavedRatio } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { addUnit } from '../../../src/core/certificate/merge-evidence.js'
import { holds } from '../../property.js'
import { sumOf, trace, traceOf, unit } from './random-traces.js'

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

t.test('units of which nothing is known are lost at every threshold', async (t) => {
  const evidence = addLost(sumOf([traceOf()]), 3)
  t.equal(evidence.generations, 4)
  t.ok(evidence.lost.every((count) => count === 3))
  t.equal(evidence.full_tokens, 100)
  t.equal(addLost(evidence, 0), evidence)
})
