import fc from 'fast-check'
import t from 'tap'
import { logEvidence } from '../../../src/core/certificate/certificate.js'
import { certifiedByAny, certifiedIndex, certifiedPlace, isSplitAt } from '../../../src/core/certificate/certified-index.js'
import { addUnitTo, newSum } from '../../../src/core/certificate/evidence-sum.js'
import { differencesAt, type Evidence } from '../../../src/core/certificate/evidence.js'
import type { Unit } from '../../../src/core/certificate/unit.js'
import { holds } from '../../property.js'
import { atMost, rateOf } from '../../random.js'
import { anyEvidence, evidenceWith } from './random-evidence.js'

const tolerance = fc.double({ min: 0.001, max: 0.5, noNaN: true })
const level = fc.double({ min: 1e-6, max: 0.5, noNaN: true })
const BAR = Math.log(20)

const losing = (...lost: number[]): Evidence => evidenceWith(1000, lost, lost.map(() => 0.5), lost.map(() => 0))

const byAny = (prefixes: readonly Evidence[], a: number, bar: number) =>
  certifiedByAny((k) => prefixes.map((prefix) => differencesAt(prefix, k)), () => false, prefixes[0]!.lost.length, a, bar)

/** The walk that continues from a threshold that is certified already, where some units are left out. */
const certifiedFrom = (from: number, evidence: Evidence, a: number, bar: number, leftOut = 0) =>
  certifiedByAny((k) => [{ ...differencesAt(evidence, k), leftOut }], () => false, evidence.lost.length, a, bar, from)

function passes (evidence: Evidence, k: number, a: number, logBar: number): boolean {
  return logEvidence(a, differencesAt(evidence, k)) >= logBar
}

t.test('certifiedIndex is the last threshold that passes before the first that fails', async (t) => {
  const index = (...lost: number[]) => certifiedIndex(losing(...lost), 0.02, BAR)
  t.equal(index(0, 0, 60, 60), 1)
  t.equal(index(0, 60, 0, 0), 0)
  t.equal(index(60, 0, 0), -1, 'the safest fails: none')
  t.equal(index(0, 0, 0), 2, 'all pass: the loosest')

  holds(t, fc.property(anyEvidence, tolerance, level, (evidence, a, errorLevel) => {
    const bar = Math.log(1 / errorLevel)
    const found = certifiedIndex(evidence, a, bar)
    for (let k = 0; k <= found; k++) if (!passes(evidence, k, a, bar)) return false
    return found + 1 === evidence.lost.length || !passes(evidence, found + 1, a, bar)
  }), 2000)
})

t.test('a larger max_em_drop never makes the threshold safer: no factor of E falls as a grows', async (t) => {
  holds(t, fc.property(anyEvidence, tolerance, tolerance, level, (evidence, a, b, errorLevel) => {
    const bar = Math.log(1 / errorLevel)
    return certifiedIndex(evidence, Math.min(a, b), bar) <= certifiedIndex(evidence, Math.max(a, b), bar)
  }), 2000)
})

t.test('a stricter error_level never makes the threshold looser', async (t) => {
  holds(t, fc.property(anyEvidence, tolerance, level, level, (evidence, a, x, y) =>
    certifiedIndex(evidence, a, Math.log(1 / Math.min(x, y))) <= certifiedIndex(evidence, a, Math.log(1 / Math.max(x, y)))), 2000)
})

t.test('rule 5: any prefix may certify a threshold, and each threshold its own', async (t) => {
  t.equal(byAny([losing(0, 60, 60), losing(60, 0, 60)], 0.02, BAR), 1)
  t.equal(byAny([losing(0, 60, 0), losing(0, 60, 0)], 0.02, BAR), 0, 'a threshold that no prefix certifies ends the walk')
  holds(t, fc.property(anyEvidence, anyEvidence, tolerance, level, (x, y, a, errorLevel) => {
    const bar = Math.log(1 / errorLevel)
    const any = byAny([x, y], a, bar)
    return any >= certifiedIndex(x, a, bar) && any >= certifiedIndex(y, a, bar)
  }), 500)
})

t.test('whoever is left out counts as lost in a second test, at twice the tolerance', async (t) => {
  const index = (leftOut: number, a = 0.02) => certifiedFrom(-1, losing(0, 15, 30), a, BAR, leftOut)
  t.equal(index(0), 0)
  t.equal(index(20), 0, '20 of 1,020 are less than 4 %')
  t.equal(index(50), -1)
  t.equal(index(Infinity), -1, 'everyone is left out')
  t.equal(index(10_000, 0.5), 2, 'no drop is more than all')
  holds(t, fc.property(anyEvidence, tolerance, level, fc.nat(1000), (evidence, a, errorLevel, leftOut) =>
    certifiedFrom(-1, evidence, a, Math.log(1 / errorLevel), leftOut) <= certifiedIndex(evidence, a, Math.log(1 / errorLevel))), 500)
})

t.test('the search continues from the threshold that is certified already', async (t) => {
  t.equal(certifiedFrom(1, losing(60, 60, 60), 0.02, BAR), 1)
  t.equal(certifiedFrom(1, losing(60, 60, 0), 0.02, BAR), 2)
})

const unit = (eighths: readonly number[], stopped_tokens: readonly number[]): Unit =>
  ({ tokens: 100, em: 1, labelled: 1, unprobed_generations: 0, eighths, stopped_tokens, unprobed: eighths.map(() => 0) })

function evidenceOf (units: readonly Unit[]): Evidence {
  const sum = newSum(units[0]!.eighths.length)
  for (const unit of units) addUnitTo(sum, unit)
  return sum
}

t.test('between two thresholds the loosest lottery whose evidence reaches the bar is certified', async (t) => {
  const kept = unit([0, 0, 0], [90, 90, 10])
  const lost = unit([0, 0, 8], [90, 90, 10])
  const evidence = (losses: number) => evidenceOf([...new Array<Unit>(1000).fill(kept), ...new Array<Unit>(losses).fill(lost)])
  t.equal(certifiedPlace(evidence(0), 0.02, BAR), 2, 'nothing is lost')
  t.equal(certifiedPlace(evidence(30), 0.02, BAR), 1 + 3 / 8, 'the looser threshold loses 2.9 points, and 3/8 of the way 1.1')
  t.equal(certifiedIndex(evidence(30), 0.02, BAR), 1)
  t.equal(certifiedPlace(evidence(900), 0.02, BAR), 1, 'even an eighth is too much')
  t.notOk(isSplitAt([evidence(3)], 0), 'no generation stops elsewhere')
  t.ok(isSplitAt([evidence(0)], 1))
  t.notOk(isSplitAt([evidence(3)], 2), 'there is none looser')
})

t.test('a place is certified only if it and all before it reach the bar', async (t) => {
  const difference = fc.constantFrom(0, 0, 0, 0, 8, -8, 3)
  const units = fc.array(fc.tuple(difference, difference, difference, fc.integer({ min: 1, max: 200 })), { minLength: 1, maxLength: 6 })
  holds(t, fc.property(units, tolerance, (drawn, a) => {
    const evidence = evidenceOf(drawn.flatMap(([x, y, z, times]) => new Array<Unit>(times).fill(unit([x, y, z], [90, 50, 10]))))
    const found = certifiedPlace(evidence, a, BAR)
    if (found === -1) return !passes(evidence, 0, a, BAR)
    for (let place = 0; place <= found; place += 1 / 8) if (!passes(evidence, place, a, BAR)) return false
    return found === 2 || !passes(evidence, found + 1 / 8, a, BAR)
  }), 500)
})

t.test('a lottery whose expected loss is at the bound is certified no more often than error_level, however often one looks', async (t) => {
  const runs = 200
  const [kept, lost] = [unit([0, 0], [90, 10]), unit([0, 8], [90, 10])]
  const isEverCertified = (random: () => number): boolean => { // the looser threshold loses 4 points, so halfway it is 2
    const evidence = newSum(2)
    for (let n = 1; n <= 2000; n++) {
      addUnitTo(evidence, random() < 0.04 ? lost : kept)
      if (n % 5 === 0 && certifiedPlace(evidence, 0.02, BAR) >= 0.5) return true
    }
    return false
  }
  const rate = rateOf(runs, isEverCertified)
  t.ok(rate <= atMost(0.05, runs), `${100 * rate} %`)
})
