import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { addLost, differencesAt, noEvidence, type Evidence } from '../../../src/core/certificate/evidence.js'
import { logEvidence, type Differences } from '../../../src/core/certificate/certificate.js'
import { addUnit, mergeEvidence } from '../../../src/core/certificate/merge-evidence.js'
import { leftOutBeside, prefixDifferences, sumOfOpen } from '../../../src/core/certificate/open-evidence.js'
import { holds } from '../../property.js'
import { unit } from './random-traces.js'

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
