import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { logEvidence } from '../../../src/core/certificate/certificate.js'
import {
  bestIndex, certifiedIndex, expectedUtility, isotonic, isotonicBlocks, loosestPassing,
} from '../../../src/core/certificate/certified-threshold.js'
import { differencesAt, type Evidence, tokensSaved } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { anyEvidence, evidenceWith } from './random-evidence.js'

const tolerance = fc.double({ min: 0.001, max: 0.5, noNaN: true })
const level = fc.double({ min: 1e-6, max: 0.5, noNaN: true })
const BAR = Math.log(20)

const losing = (...lost: number[]): Evidence => evidenceWith(1000, lost, lost.map(() => 0.5), lost.map(() => 0))

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

t.test('the search continues from the threshold that is certified already', async (t) => {
  const loosest = (...lost: number[]) => loosestPassing((k) => passes(losing(...lost), k, 0.02, BAR), lost.length, 1)
  t.equal(loosest(60, 60, 60), 1)
  t.equal(loosest(60, 60, 0), 2)
})

t.test('isotonic regression gives the results worked out by hand', async (t) => {
  t.strictSame(isotonic([1, 2, 3], [1, 1, 1]), [1, 2, 3], 'in order: as it is')
  t.strictSame(isotonic([3, 1, 2], [1, 1, 1]), [2, 2, 2], '3 and 1 make 2, which 2 is not above')
  t.strictSame(isotonic([4, 0, 3], [1, 3, 1]), [1, 1, 3], '(4 + 3 * 0) / 4 = 1')
  t.strictSame(isotonicBlocks([1, 5, 3], [1, 1, 3]), [{ from: 0, to: 0, value: 1, weight: 1 }, { from: 1, to: 2, value: 3.5, weight: 4 }])
  t.strictSame(isotonic([], []), [])
})

const weighted = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 12 })

/** Max-min formula of isotonic regression (Robertson, Wright & Dykstra 1988, theorem 1.4.4). */
function maxMin (values: readonly number[], weights: readonly number[], i: number): number {
  const mean = (from: number, to: number) => {
    let [sum, weight] = [0, 0]
    for (let j = from; j <= to; j++) { sum += values[j]! * weights[j]!; weight += weights[j]! }
    return sum / weight
  }
  const lower = (from: number) => Math.min(...values.slice(i).map((_, j) => mean(from, i + j)))
  return Math.max(...values.slice(0, i + 1).map((_, from) => lower(from)))
}

t.test('the fit is the least-squares one, and the last value of a block is never above the block\'s', async (t) => {
  holds(t, fc.property(weighted, (pairs) => {
    const [values, weights] = [pairs.map(([value]) => value), pairs.map(([, weight]) => weight)]
    const fit = isotonic(values, weights)
    for (const [i, value] of fit.entries()) assert.ok(Math.abs(value - maxMin(values, weights, i)) < 1e-9)
    for (const { to, value } of isotonicBlocks(values, weights)) assert.ok(values[to]! <= value + 1e-9)
  }))
})

const pricesOf = (value_of_em: number | null, price_per_1k_tokens: number | null) =>
  ({ value_of_em, price_per_1k_tokens, judge_miss_rate: null })
const index = fc.integer({ min: -1, max: GRID.length - 1 })
const price = fc.double({ min: 0.001, max: 10, noNaN: true })

/** 1,000 generations of 1,000 tokens; from thresholds 0, 10 and 20 on 20, 40 and 60 % are saved and 0, 1 and 4 points lost. */
const STEPS = evidenceWith(1000, GRID.map((_, k) => k < 10 ? 0 : k < 20 ? 10 : 40), GRID.map((_, k) => k < 10 ? 0.2 : k < 20 ? 0.4 : 0.6))

t.test('expected utility is tokens at their price less EM at its value', async (t) => {
  const prices = pricesOf(1, 0.01)
  const isClose = (k: number, expected: number) => t.ok(Math.abs(expectedUtility(STEPS, k, prices)! - expected) < 1e-12, `${k}: ${expected}`)
  isClose(-1, 0)
  isClose(0, 0.002) // 200 tokens at 0.01 per 1,000
  isClose(10, 0.004 - 0.01) // an answer in a hundred is worth more than the 200 tokens
  t.equal(expectedUtility(STEPS, 10, pricesOf(null, null)), null)
  t.equal(bestIndex(STEPS, 29, prices, 0), 0)
  t.equal(bestIndex(STEPS, 29, pricesOf(1, 0.1), 0), 10, '200 tokens more are worth 0.02, an answer in a hundred 0.01 and its standard error 0.0033')
  t.equal(bestIndex(STEPS, 29, pricesOf(1, 0.06), 0), 0, '0.012 is not 0.0133: better as it seems, but within the noise')
  t.equal(bestIndex(STEPS, 29, pricesOf(1, 0.07), -1), 10, 'from never stopping 0.028 - 0.01 - 0.0033 is more than 0.014 - 0.001')
  t.equal(bestIndex(STEPS, 29, pricesOf(1, 1), 0), 20)
  t.equal(bestIndex(STEPS, 29, pricesOf(0, 1), 0), 20, 'answers worth nothing: the threshold that saves the most')
  t.equal(bestIndex(evidenceWith(1000, GRID.map(() => 40), GRID.map(() => 0.1)), 29, pricesOf(1, 0.1), 5), -1, 'nothing is worth its loss')
})

const asked = fc.record({ evidence: anyEvidence, ceiling: index, current: index, value: price, tokens: price })

t.test('the choice is never above the certified ceiling, and without prices it is the ceiling if that saves tokens', async (t) => {
  holds(t, fc.property(asked, ({ evidence, ceiling, current, value, tokens }) => {
    const saves = ceiling !== -1 && tokensSaved(evidence, ceiling) > 0
    assert.equal(bestIndex(evidence, ceiling, pricesOf(null, null), current), saves ? ceiling : -1)
    const best = bestIndex(evidence, ceiling, pricesOf(value, tokens), current)
    assert.ok(best >= -1 && best <= ceiling)
  }))
})

t.test('an audited miss rate raises the cost of an observed drop', async (t) => {
  const audited = { ...pricesOf(0.5, 0.01), judge_miss_rate: 0.5 }
  t.equal(expectedUtility(STEPS, 10, audited), expectedUtility(STEPS, 10, pricesOf(1, 0.01)))
  t.equal(bestIndex(STEPS, 29, { ...pricesOf(0.5, 0.1), judge_miss_rate: 0.5 }, 0), bestIndex(STEPS, 29, pricesOf(1, 0.1), 0))
})

t.test('scaling both prices changes nothing', async (t) => {
  holds(t, fc.property(asked, fc.integer({ min: -9, max: 9 }), ({ evidence, ceiling, current, value, tokens }, power) => {
    const inOther = pricesOf(2 ** power * value, 2 ** power * tokens) // exact, so that ties stay ties
    assert.equal(bestIndex(evidence, ceiling, inOther, current), bestIndex(evidence, ceiling, pricesOf(value, tokens), current))
  }))
})

t.test('a higher value of EM or cheaper tokens never loosen the threshold', async (t) => {
  holds(t, fc.property(asked, fc.double({ min: 1, max: 100, noNaN: true }), ({ evidence, ceiling, current, value, tokens }, more) => {
    const best = bestIndex(evidence, ceiling, pricesOf(value, tokens), current)
    assert.ok(bestIndex(evidence, ceiling, pricesOf(more * value, tokens), current) <= best)
    assert.ok(bestIndex(evidence, ceiling, pricesOf(value, tokens / more), current) <= best)
  }), 1000)
})

t.test('the choice does not move again on the same evidence', async (t) => {
  holds(t, fc.property(asked, ({ evidence, ceiling, current, value, tokens }) => {
    const best = bestIndex(evidence, ceiling, pricesOf(value, tokens), current)
    assert.equal(bestIndex(evidence, ceiling, pricesOf(value, tokens), best), best)
  }), 1000)
})

t.test('only a utility above 0 moves the choice away from never stopping', async (t) => {
  holds(t, fc.property(asked, ({ evidence, ceiling, value, tokens }) => {
    const prices = pricesOf(value, tokens)
    const best = bestIndex(evidence, ceiling, prices, -1)
    assert.ok(best === -1 || expectedUtility(evidence, best, prices)! > 0)
  }), 1000)
})

t.test('the choice moves a few times over 3,000 outcomes, not with each', async (t) => {
  const random = mulberry32(7)
  const lost = GRID.map(() => 0)
  const saved = GRID.map((_, k) => (k + 1) / 40)
  let [current, moves] = [-1, 0]
  for (let n = 1; n <= 3000; n++) {
    const u = random()
    for (let k = 0; k < lost.length; k++) if (u < 0.0001 * (k + 1) ** 2) lost[k]! += 1
    // best where 0.0002 (k + 1) x value 1 is what 25 tokens cost: at k + 1 = 12.5
    const best = bestIndex(evidenceWith(n, lost, saved), 29, pricesOf(1, 0.1), current)
    if (best !== current) moves++
    current = best
  }
  t.ok(moves <= 25, `${moves} moves`)
  t.ok(Math.abs(current + 1 - 12.5) <= 5, `ends at ${current}`)
})

t.test('without prices, a context whose probes cost more than stopping saves never stops', async (t) => {
  const none = pricesOf(null, null)
  const probing = (tokens: number) => ({ ...STEPS, probe_tokens: GRID.map(() => 1000 * tokens) })
  t.equal(bestIndex(probing(599), 29, none, -1), 29, '600 of 1,000 tokens are saved, and 599 spent on probes')
  t.equal(bestIndex(probing(601), 29, none, 29), -1)
  t.equal(bestIndex(probing(300), 9, none, 29), -1, 'the certified thresholds save 200')
  t.equal(bestIndex(probing(300), 29, pricesOf(0, 1), 0), 20, 'prices are for what is saved net')
  t.ok(Math.abs(expectedUtility(probing(300), 20, pricesOf(1, 0.01))! - (0.003 - 0.04)) < 1e-12)
})
