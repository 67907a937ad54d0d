import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { bestIndex, expectedUtility } from '../../../src/core/certificate/objective.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { anyEvidence, evidenceWith } from './random-evidence.js'

const pricesOf = (value_of_em: number | null, price_per_1k_tokens: number | null) => ({ value_of_em, price_per_1k_tokens })
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
  t.equal(bestIndex(STEPS, 29, pricesOf(0, 1), 0), 20, 'answers worth nothing: what saves the most')
  t.equal(bestIndex(evidenceWith(1000, GRID.map(() => 40), GRID.map(() => 0.1)), 29, pricesOf(1, 0.1), 5), -1, 'nothing is worth its loss')
})

const asked = fc.record({ evidence: anyEvidence, ceiling: index, current: index, value: price, tokens: price })

t.test('the choice is never above the certified ceiling, and without prices it is the ceiling', async (t) => {
  holds(t, fc.property(asked, ({ evidence, ceiling, current, value, tokens }) => {
    assert.equal(bestIndex(evidence, ceiling, pricesOf(null, null), current), ceiling)
    const best = bestIndex(evidence, ceiling, pricesOf(value, tokens), current)
    assert.ok(best >= -1 && best <= ceiling)
  }))
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
