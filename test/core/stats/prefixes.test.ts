import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { logEvidence, reaches, unitsOfFirstCertificate } from '../../../src/core/stats/certificate.js'
import { addUnit, mergeEvidence } from '../../../src/core/stats/evidence-sum.js'
import { differencesAt, type Evidence, noEvidence } from '../../../src/core/stats/evidence.js'
import { type OpenEvidence, prefixesAt, sumOfOpen } from '../../../src/core/stats/prefixes.js'
import { holds } from '../../property.js'
import { atMost, rateOf } from '../../random.js'
import { vectors as vectorsOf } from '../../test-data.js'
import { evidenceOfUnits, type Look, openOf } from './reference-looks.js'
import { unit } from './random-traces.js'

const A = 0.02
const BAR = Math.log(20)

interface Vectors {
  readonly lossless_units: Readonly<Record<string, number>>
  readonly looks: readonly Look[]
}

const vectors: Vectors = vectorsOf('evidence')

t.test('E4: the evidence of each prefix is that of the reference, with open units counting as lost', async (t) => {
  for (const { name, max_em_drop: a, slices, prefixes } of vectors.looks) {
    for (const k of [0, 1, 2]) {
      const found = prefixesAt(noEvidence(3), slices.map(openOf), k)
      for (const { slices: count, ln_evidence: expected } of prefixes) {
        const log = logEvidence(a, found[count]!)
        if (Math.abs(log - expected[k]!) > 1e-9) t.fail(`${name}, ${count} slices, threshold ${k}: ${log}, not ${expected[k]}`)
      }
    }
  }
})

t.test('a first certificate takes the lossless units of the reference', async (t) => {
  for (const [name, units] of Object.entries(vectors.lossless_units)) {
    const [a, level] = name.split(' ').map(Number) as [number, number]
    t.equal(unitsOfFirstCertificate(a, Math.log(1 / level)), units, name)
  }
})

/** Units of one threshold: the difference of each. */
const times = (count: number, difference: number) => new Array<readonly number[]>(count).fill([difference])

t.test('E4: units of open slices that are not accounted for count as lost in each prefix of their own', async (t) => {
  const open: OpenEvidence[] = [
    { evidence: evidenceOfUnits(times(3, 0)), unaccounted: 1 },
    { evidence: evidenceOfUnits(times(5, -1)), unaccounted: 2 },
  ]
  t.strictSame(prefixesAt(evidenceOfUnits(times(32, 0)), open, 0), [
    { lost: 0, kept: 32, gained: 0 }, { lost: 1, kept: 35, gained: 0 }, { lost: 3, kept: 35, gained: 5 },
  ])
})

t.test('a prefix counts each difference of a part of a unit once, however many slices have it', async (t) => {
  const slice: OpenEvidence = { evidence: evidenceOfUnits([[3 / 8], [-5 / 8]]), unaccounted: 0 }
  const prefixes = prefixesAt(noEvidence(1), [slice, slice, slice], 0)
  const parts = prefixes.map(({ partial = [] }) => partial.toSorted(([a], [b]) => a - b))
  t.strictSame(parts, [0, 1, 2, 3].map((n) => n === 0 ? [] : [[-5, n], [3, n]]))
})

const evidence = fc.array(unit, { maxLength: 5 }).map((units) => units.reduce(addUnit, noEvidence(3)))
const open = fc.array(fc.record({ evidence, unaccounted: fc.nat(3) }), { maxLength: 4 })

t.test('the sum of open slices has the evidence and the unaccounted units of all', async (t) => {
  holds(t, fc.property(open, (slices) => {
    const { evidence: all, unaccounted } = sumOfOpen(slices, 3)
    assert.deepEqual(all, slices.reduce((so, slice) => mergeEvidence(so, slice.evidence), noEvidence(3)))
    assert.equal(unaccounted, slices.reduce((so, slice) => so + slice.unaccounted, 0))
  }))
  t.equal(sumOfOpen([{ evidence: noEvidence(3), unaccounted: 2 }], 3).evidence, noEvidence(3), 'empty evidence is one object')
})

t.test('a threshold whose drop is just above the bound is certified no more often than error_level', async (t) => {
  const isEverCertified = (random: () => number): boolean => {
    let final: Evidence = noEvidence(1)
    for (let slice = 0; slice < 125; slice++) {
      final = mergeEvidence(final, evidenceOfUnits(Array.from({ length: 32 }, () => [random() < 0.0205 ? 1 : 0])))
      if (reaches(A, differencesAt(final, 0), BAR)) return true
    }
    return false
  }
  const runs = 300
  const rate = rateOf(runs, isEverCertified)
  t.ok(rate <= atMost(0.05, runs), `${rate} of the runs`)
})
