import t from 'tap'
import { logEvidence, reaches } from '../../../src/core/certificate/certificate.js'
import { addDifferencesOf, differenceSumFrom, noDifferences } from '../../../src/core/certificate/difference-sums.js'
import {
  addFinal, allTested, differencesOf, nothingTested, type OpenDifferences, packTested, prefixesAt, unitsOfFirstCertificate,
  unpackTested, withOpen,
} from '../../../src/core/certificate/tested-evidence.js'
import { evidenceWith } from './random-evidence.js'
import { vectors as vectorsOf } from '../../test-data.js'
import { atMost, rateOf } from '../../random.js'

const A = 0.02
const BAR = Math.log(20)
const NOW = { clock: 0, time: 0 }

/** Units: the difference of each at every threshold, in eighths. */
const times = (count: number, ...eighths: number[]) => new Array<readonly number[]>(count).fill(eighths)

function sumOf (units: ReadonlyArray<readonly number[]>, thresholds = units[0]!.length) {
  const sum = differenceSumFrom(noDifferences(thresholds))
  for (const eighths of units) addDifferencesOf(sum, eighths)
  return sum
}

interface Look {
  readonly name: string
  readonly max_em_drop: number
  readonly look: number
  readonly evidence_span_seconds: number
  readonly slices: ReadonlyArray<{ readonly units: ReadonlyArray<{ readonly d: readonly number[] | null }> }>
  readonly prefixes: ReadonlyArray<{ readonly slices: number, readonly ln_evidence: readonly number[], readonly certified: number }>
}

interface Vectors {
  readonly lossless_units: Readonly<Record<string, number>>
  readonly level_of_look: readonly number[]
  readonly looks: readonly Look[]
}

const vectors: Vectors = vectorsOf('evidence')

/** A slice of which nothing is final: units without a difference are open. */
function sliceOf ({ units }: Look['slices'][number]): OpenDifferences {
  const known = units.flatMap(({ d }) => d === null ? [] : [d.map((difference) => 8 * difference)])
  return { sums: sumOf(known, 3), unaccounted: units.length - known.length }
}

t.test('the evidence of each prefix is that of the reference, with open units counting as lost', async (t) => {
  for (const { name, max_em_drop: a, slices, prefixes } of vectors.looks) {
    for (const k of [0, 1, 2]) {
      const found = prefixesAt(nothingTested(3, NOW), slices.map(sliceOf), k)
      for (const { slices: count, ln_evidence: expected } of prefixes) {
        const log = logEvidence(a, found[count]!)
        if (Math.abs(log - expected[k]!) > 1e-9) t.fail(`${name}, ${count} slices, threshold ${k}: ${log}, not ${expected[k]}`)
      }
    }
  }
})

t.test('without a span a prefix certifies when the reference does', async (t) => {
  const looks = vectors.looks.filter(({ evidence_span_seconds: span }) => span === 0)
  t.ok(looks.length > 0)
  for (const { max_em_drop: a, look, slices, prefixes } of looks) {
    const bar = Math.log(1 / vectors.level_of_look[look]!)
    let certified = -1
    for (const { slices: count, certified: expected } of prefixes) {
      while (certified < 2 && reaches(a, prefixesAt(nothingTested(3, NOW), slices.map(sliceOf), certified + 1)[count]!, bar)) certified++
      t.equal(certified, expected, `${count} slices`)
    }
  }
})

t.test('a first certificate takes the lossless units of the reference', async (t) => {
  for (const [name, units] of Object.entries(vectors.lossless_units)) {
    const [a, level] = name.split(' ').map(Number) as [number, number]
    t.equal(unitsOfFirstCertificate(a, Math.log(1 / level)), units, name)
  }
})

t.test('units of open slices that are not accounted for count as lost in each prefix of their own', async (t) => {
  const tested = addFinal(nothingTested(1, NOW), sumOf(times(32, 0)))
  const open = [
    { sums: sumOf(times(3, 0)), unaccounted: 1 },
    { sums: sumOf(times(5, -8)), unaccounted: 2 },
  ]
  t.strictSame(prefixesAt(tested, open, 0), [
    { lost: 0, kept: 32, gained: 0 }, { lost: 1, kept: 35, gained: 0 }, { lost: 3, kept: 35, gained: 5 },
  ])
  const all = withOpen(tested, open)
  t.match(all.open, { sums: { generations: 8 }, unaccounted: 3 })
  t.strictSame([differencesOf(all, 0).lost, differencesOf(all, 0, true).lost], [0, 3])
})

t.test('stored evidence is restored', async (t) => {
  const final = addFinal(nothingTested(3, { clock: 7, time: 9 }), sumOf([...times(32, 0, 8, 4), ...times(32, 0, 0, -3)]))
  const tested = withOpen(final, [{ sums: sumOf(times(2, 0, 0, 8)), unaccounted: 1 }])
  t.strictSame(unpackTested(JSON.parse(JSON.stringify(packTested(tested))), 3), JSON.parse(JSON.stringify(tested)))
  t.match(allTested(evidenceWith(7, [0, 7], [0, 0])), { final: { generations: 7, lost: [0, 7] } })
})

t.test('a threshold whose drop is just above the bound is certified no more often than error_level', async (t) => {
  const isEverCertified = (random: () => number): boolean => {
    let tested = nothingTested(1, NOW)
    for (let slice = 0; slice < 125; slice++) {
      tested = addFinal(tested, sumOf(Array.from({ length: 32 }, () => [random() < 0.0205 ? 8 : 0])))
      if (reaches(A, differencesOf(tested, 0), BAR)) return true
    }
    return false
  }
  const runs = 300
  const rate = rateOf(runs, isEverCertified)
  t.ok(rate <= atMost(0.05, runs), `${rate} of the runs`)
})
