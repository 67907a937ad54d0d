import t from 'tap'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { outlookOf } from '../../../src/core/tradeoff/outlook.js'
import { policyWith } from '../learn/memory-fold.js'
import { EMPTY_GRID, evidenceWith } from '../certificate/random-evidence.js'

const BAR = Math.log(20)
const LOSSLESS = evidenceWith(100, EMPTY_GRID, GRID.map(() => 0.5))
const pace = { now: 1_000_000, since: 990_000, perSecond: 0.5 }

t.test('an example by hand: 100 of 186 lossless generations have arrived, one every 2 s, the last 10 s ago', async (t) => {
  const outlook = outlookOf(LOSSLESS, policyWith(), BAR, pace)
  t.strictSame(outlook.next, { index: 0, generations: 86, at: 990_000 + 172_000 })
  t.equal(outlook.ceiling, -1)
  t.match(outlook.horizons.slice(0, 2), [
    { generations: 100, index: 29, tokens_saved_ratio: 0.5, tokens_saved_gross_ratio: 0.5, at: 1_190_000 },
    { generations: 300, index: 29, tokens_saved_ratio: 0.5, tokens_saved_gross_ratio: 0.5, at: 1_590_000 },
  ])
  t.strictSame(outlook.horizons.map(({ generations }) => generations), [100, 300, 1000, 3000, 10_000])
})

t.test('no forecast without evidence, without a rate, with stalled feedback, with too many losses, or with all certified', async (t) => {
  t.strictSame(outlookOf(NO_EVIDENCE, policyWith(), BAR, pace), { ceiling: -1, next: null, horizons: [] })
  t.match(outlookOf(LOSSLESS, policyWith(), BAR, { ...pace, perSecond: null }).next, { generations: 86, at: null })
  t.match(outlookOf(LOSSLESS, policyWith(), BAR, { ...pace, since: 0 }).next, { generations: 86, at: null }, 'it was due long ago')
  t.equal(outlookOf(evidenceWith(100, GRID.map(() => 5), GRID.map(() => 0.5)), policyWith(), BAR, pace).next, null)
  t.match(outlookOf(evidenceWith(300, EMPTY_GRID, GRID.map(() => 0.5)), policyWith(), BAR, pace), { ceiling: 29, next: null })
})

t.test('losses make a certificate due before the mean drift reaches the bar, and horizons end with the evidence window', async (t) => {
  const lossy = outlookOf(evidenceWith(200, GRID.map(() => 1), GRID.map(() => 0.5)), policyWith(), BAR, pace)
  t.ok(lossy.next!.generations > 24 && lossy.next!.generations < lossy.horizons.find(({ index }) => index === 29)!.generations)
  const { horizons } = outlookOf(LOSSLESS, policyWith({ evidence_window: 1000 }), BAR, pace)
  t.strictSame(horizons.map(({ generations }) => generations), [100, 300, 1000])
})
