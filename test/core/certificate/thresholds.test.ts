import fc from 'fast-check'
import t from 'tap'
import { logEvidence } from '../../../src/core/certificate/certificate.js'
import { addUnit, mergeEvidence } from '../../../src/core/certificate/evidence-sum.js'
import { differencesAt, emDrop, noEvidence, tokensSaved, type EvidenceUnit } from '../../../src/core/certificate/evidence.js'
import { GRID, lotteryAt, nextPlace, thresholdAt, valueAt } from '../../../src/core/certificate/thresholds.js'
import { holds } from '../../property.js'
import { vectors } from '../../test-data.js'

t.test('30 thresholds, equally spaced in log-odds from +7 to -2, safest first', async (t) => {
  t.equal(GRID.length, 30)
  for (const [k, threshold] of GRID.entries()) {
    t.ok(Math.abs(threshold - 1 / (1 + Math.exp(-(7 - 9 * k / 29)))) < 1e-15, `threshold ${k} is as the formula has it`)
    t.ok(k === 0 || threshold < GRID[k - 1]!, `threshold ${k} is looser than the one before`)
  }
})

t.test('the constants equal those of the vectors to the bit', async (t) => {
  t.strictSame(GRID, vectors('certificate').grid)
})

t.test('a place is a threshold or a lottery between two', async (t) => {
  t.equal(lotteryAt(GRID, 14), null)
  t.equal(lotteryAt(GRID, -1), null)
  t.strictSame(lotteryAt(GRID, 14.75), { threshold: GRID[15], share: 0.75 })
  t.equal(thresholdAt(GRID, 14.75), GRID[14])
  t.equal(thresholdAt(GRID, -1), null)
  t.equal(valueAt([10, 20, 40], 1.25), 25)
  t.equal(valueAt([10, 20, 40], 2), 40)
})

t.test('tests proceed by eighths where stops differ, and by whole thresholds elsewhere', async (t) => {
  const order = (isSplit: (k: number) => boolean) => {
    const places = [-1]
    while (places.at(-1)! < 2) places.push(nextPlace(places.at(-1)!, isSplit))
    return places.slice(1)
  }
  t.strictSame(order(() => false), [0, 1, 2])
  t.strictSame(order((k) => k === 1), [0, 1, 1.125, 1.25, 1.375, 1.5, 1.625, 1.75, 1.875, 2])
})

t.test('the evidence of a lottery is that of units which lose the mean of both thresholds', async (t) => {
  const eighths = fc.integer({ min: -8, max: 8 })
  const anyUnit = fc.record({ from: eighths, to: eighths, tokens: fc.nat({ max: 100 }) })
  const anyUnits = fc.array(anyUnit, { maxLength: 30 })
  holds(t, fc.property(anyUnits, anyUnits, fc.integer({ min: 0, max: 8 }), (some, others, eighth) => {
    const share = eighth / 8
    const evidenceOf = (units: typeof some) => units.reduce((sum, { from, to, tokens }) => addUnit(sum, {
      tokens: 100, em: 1, labelled: 1, unprobed_generations: 0, eighths: [from, to], stopped_tokens: [100, tokens], unprobed: [0, 0],
    } satisfies EvidenceUnit), noEvidence(2))
    const evidence = mergeEvidence(evidenceOf(some), evidenceOf(others))
    const units = [...some, ...others]
    const mean = units.map(({ from, to }) => from + share * (to - from))
    const expected = logEvidence(0.02, { lost: 0, kept: 0, gained: 0, partial: mean.map((d) => [d, 1]) })
    const drop = mean.reduce((sum, d) => sum + d / 8, 0) / Math.max(1, units.length)
    const saved = units.reduce((sum, { tokens }) => sum + share * (100 - tokens), 0)
    return Math.abs(logEvidence(0.02, differencesAt(evidence, share)) - expected) < 1e-9 &&
      Math.abs(emDrop(evidence, share) - drop) < 1e-9 && Math.abs(tokensSaved(evidence, share) - saved) < 1e-6
  }), 1000)
})

t.test('groups at a lottery keep their number, so that the drift detector watches each once', async (t) => {
  const { lost, kept, gained, partial = [] } = differencesAt({
    ...noEvidence(2), generations: 1, lost: [0.5, 1], partial: { 4: [1, 0] }, moved: { 0: { '4:8': 1 } },
  }, 0.5)
  t.strictSame([lost, kept, gained, partial], [0, 0, 0, [[6, 1]]])
})
