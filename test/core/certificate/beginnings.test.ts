import { readFileSync } from 'node:fs'
import t from 'tap'
import {
  addFinal, ALL, type Beginnings, beginningsOf, firstBeginning, isBlockFull, logMixture, losslessGenerations, NONE, openByBeginning,
  packBeginnings, passes, prefixesAt, restart, unpackBeginnings, weightedDifferences, withOpen,
} from '../../../src/core/certificate/beginnings.js'
import { addDifferencesOf, type DifferenceSum, differenceSumFrom, noDifferences } from '../../../src/core/certificate/difference-sums.js'
import { addUnitTo, newSum } from '../../../src/core/certificate/evidence-sum.js'
import type { Evidence } from '../../../src/core/certificate/evidence.js'
import { atMost, rateOf } from '../../random.js'

const A = 0.02
const BAR = Math.log(20)

/** Units of one slice: the difference of each at every threshold, in eighths. */
type Units = ReadonlyArray<readonly number[]>

const times = (count: number, ...eighths: number[]): Units => new Array<readonly number[]>(count).fill(eighths)

function sumOf (units: Units, thresholds = units[0]?.length ?? 1): DifferenceSum {
  const sum = differenceSumFrom(noDifferences(thresholds))
  for (const eighths of units) addDifferencesOf(sum, eighths)
  return sum
}

function shownOf (units: Units): Evidence {
  const sum = newSum(units[0]!.length)
  const zeros = units[0]!.map(() => 0)
  for (const eighths of units) {
    addUnitTo(sum, { tokens: 1, em: 1, labelled: 1, unprobed_generations: 0, eighths, stopped_tokens: zeros, unprobed: zeros })
  }
  return sum
}

/** A slice begins, and ends with these units, which belong to all beginnings. */
function slice (beginnings: Beginnings, number: number, units: Units): Beginnings {
  return addFinal(restart(beginnings, number, { clock: 1000 * number, time: 0 }, A), new Map([[ALL, sumOf(units)]]), shownOf(units))
}

const begun = (thresholds: number): Beginnings => firstBeginning(thresholds, 0, { clock: 0, time: 0 })

const slicesOf = (slices: readonly Units[]): Beginnings =>
  slices.reduce((beginnings, units, number) => slice(beginnings, number, units), begun(slices[0]![0]!.length))

interface Row {
  readonly log_evidence: number
  readonly certified: boolean
  readonly restarts: ReadonlyArray<readonly [slice: number, k: number, weight: number]>
}

interface Case {
  readonly name: string
  readonly slices: ReadonlyArray<readonly [kept: number, lost: number, gained: number]>
  readonly rows: readonly Row[]
}

const vectors = JSON.parse(readFileSync('test/data/vectors/restarts.json', 'utf8')) as { readonly restarts: readonly Case[] }

t.test('restarts and their evidence are those of the reference', async (t) => {
  for (const { name, slices, rows } of vectors.restarts) {
    let beginnings = firstBeginning(1, 0, { clock: 0, time: 0 })
    let isCertified = false
    for (const [number, [kept, lost, gained]] of slices.entries()) {
      beginnings = slice(beginnings, number, [...times(kept, 0), ...times(lost, 8), ...times(gained, -8)])
      const prefix = weightedDifferences(beginnings, 0, 'none')
      const { log_evidence: expected, certified, restarts } = rows[number]!
      isCertified ||= passes(A, prefix, BAR)
      const log = logMixture(A, prefix)
      if (Math.abs(log - expected) > 1e-9) t.fail(`${name}, slice ${number}: ${log}, not ${expected}`)
      if (isCertified !== certified) t.fail(`${name}, slice ${number}: certified ${String(isCertified)}`)
      t.strictSame(beginnings.list.slice(1).map(({ slice, weights }, i) => [slice, i + 1, weights[0]!.toFixed(12)]),
        restarts.map(([slice, k, weight]) => [slice, k, weight.toFixed(12)]), name)
    }
  }
})

t.test('thresholds restart on their own', async (t) => {
  const spoilt = new Array<Units>(6).fill(times(32, 0, 8))
  const healed = new Array<Units>(5).fill(times(32, 0, 0))
  const { list, restarts } = slicesOf([...spoilt, ...healed])
  t.strictSame(restarts, [0, 1])
  t.match(list.slice(1), [{ slice: 10, at: 10_000, weights: [0, 0.05] }])
  const weights = (k: number) => weightedDifferences(slicesOf([...spoilt, ...healed]), k, 'none').map(({ logWeight }) => Math.exp(logWeight).toFixed(4))
  t.strictSame(weights(0), ['0.9000'])
  t.strictSame(weights(1), ['0.9000', '0.0500'])
})

t.test('nothing restarts while the newest units lose, or while some beginning has evidence left', async (t) => {
  const losing = new Array<Units>(12).fill([...times(31, 0), ...times(1, 8)])
  t.equal(slicesOf(losing).list.length, 1, '3 % is more than 0.4 of the bound')
  t.equal(slicesOf(new Array<Units>(12).fill(times(32, 0))).list.length, 1)
  t.equal(slicesOf([...new Array<Units>(3).fill(times(32, 8)), ...new Array<Units>(3).fill(times(32, 0))]).list.length, 1, 'three good slices are too few')
})

t.test('blocks have 32 units whatever the slices, so that a few units do not restart', async (t) => {
  const spoilt = slicesOf(new Array<Units>(6).fill(times(32, 8)))
  let healed = spoilt
  let units = 0
  while (healed.list.length === 1) healed = slice(healed, 6 + ++units, times(1, 0))
  t.equal(units, 4 * 32 + 1)
  t.ok(isBlockFull(spoilt))
  t.notOk(isBlockFull(slice(spoilt, 6, times(1, 0))))
})

t.test('of more than sixteen restarts the one that matters least is dropped, never the first or the newest', async (t) => {
  const cycle = [...new Array<Units>(6).fill([...times(28, 0), ...times(4, 8)]), ...new Array<Units>(6).fill(times(32, 0))]
  const { list, restarts } = slicesOf(new Array<readonly Units[]>(20).fill(cycle).flat())
  t.equal(list.length, 17)
  t.equal(list[0]!.slice, 0)
  t.ok(restarts[0]! > 16, String(restarts[0]))
  t.equal(list.at(-1)!.weights[0], 0.1 / (restarts[0]! * (restarts[0]! + 1)))
})

t.test('a unit counts in the newest beginning that it belongs to and in all before it', async (t) => {
  let beginnings = slicesOf([...new Array<Units>(6).fill(times(32, 8)), ...new Array<Units>(5).fill(times(32, 0))])
  const before = beginnings.list.map(({ final }) => final.generations)
  const bySince = new Map([[ALL, sumOf(times(1, 0))], [10, sumOf(times(2, 0))], [0, sumOf(times(4, 0))], [NONE, sumOf(times(8, 0))]])
  beginnings = addFinal(beginnings, bySince, shownOf(times(15, 0)))
  t.strictSame(beginnings.list.map(({ final }, j) => final.generations - before[j]!), [7, 3])
})

t.test('units of open slices that are not accounted for count as lost in each prefix of their own', async (t) => {
  const beginnings = slicesOf([times(32, 0)])
  const open = [
    new Map([[0, { sums: sumOf(times(3, 0)), unaccounted: 1 }]]),
    new Map([[0, { sums: sumOf(times(5, -8)), unaccounted: 2 }]]),
  ]
  const byBeginning = openByBeginning(beginnings, open)
  t.strictSame(prefixesAt(beginnings, byBeginning, 0).map(([only]) => only!.differences), [
    { lost: 0, kept: 32, gained: 0 }, { lost: 1, kept: 35, gained: 0 }, { lost: 3, kept: 35, gained: 5 },
  ])
  const { list: [first] } = withOpen(beginnings, byBeginning)
  t.match(first!.open, { sums: { generations: 8 }, unaccounted: 3 })
  const all = (part: 'none' | 'known' | 'at_worst') => weightedDifferences(withOpen(beginnings, byBeginning), 0, part)[0]!.differences.lost
  t.strictSame([all('none'), all('known'), all('at_worst')], [0, 0, 3])
})

t.test('a first certificate takes a few units more than the first bets alone', async (t) => {
  t.equal(losslessGenerations(0.02, 0.05), 192)
  t.equal(losslessGenerations(0.05, 0.05), 76)
})

t.test('stored beginnings are restored', async (t) => {
  const beginnings = slicesOf([...new Array<Units>(6).fill(times(32, 0, 8, 4)), ...new Array<Units>(5).fill(times(32, 0, 0, -3))])
  const restored = unpackBeginnings(JSON.parse(JSON.stringify(packBeginnings(beginnings))), 3)
  t.strictSame(JSON.parse(JSON.stringify(restored)), JSON.parse(JSON.stringify(beginnings)))
  const one = shownOf(times(7, 0, 8))
  t.match(beginningsOf(one).list, [{ final: { generations: 7, lost: [0, 7] } }])
})

t.test('a threshold whose drop is just above the bound is certified no more often than error_level, restarts included', async (t) => {
  const isEverCertified = (random: () => number): boolean => {
    let beginnings = firstBeginning(1, 0, { clock: 0, time: 0 })
    for (let number = 0; number < 125; number++) {
      beginnings = slice(beginnings, number, Array.from({ length: 32 }, () => [random() < 0.0205 ? 8 : 0]))
      if (passes(A, weightedDifferences(beginnings, 0, 'none'), BAR)) return true
    }
    return false
  }
  const runs = 300
  const rate = rateOf(runs, isEverCertified)
  t.ok(rate <= atMost(0.05, runs), `${rate} of the runs`)
})
