import t from 'tap'
import type { Evidence } from '../../../src/core/stats/evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import { newSpan } from '../../../src/core/evidence/evidence-span.js'
import { medianPassage, outlookOf, paceOf } from '../../../src/core/reports/outlook.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import { EMPTY_GRID, evidenceWith } from '../stats/random-evidence.js'
import { policyWith } from '../learn/memory-fold.js'
import { SHUFFLED } from '../../quick-policy.js'
import { changed } from '../../changed-state.js'

/** Probability of having passed by `end`: numerical integral of the inverse Gaussian density (Folks & Chhikara 1978, eq. 1). */
function passedBy (end: number, mean: number, shape: number): number {
  const parts = 20_000
  let sum = 0
  for (let i = 0; i < parts; i++) {
    const x = (i + 0.5) * end / parts
    sum += Math.sqrt(shape / (2 * Math.PI * x ** 3)) * Math.exp(-shape * (x - mean) ** 2 / (2 * mean ** 2 * x)) * end / parts
  }
  return sum
}

t.test('half of the walks have passed the bar by the median', async (t) => {
  for (const [mean, distance, variance] of [[100, 1, 0.01], [100, 1, 0.1], [1000, 0.5, 0.01], [50, 3, 0.001]] as const) {
    const median = medianPassage(mean, distance, variance)
    t.ok(median < mean)
    const passed = passedBy(median, mean, distance ** 2 / variance)
    t.ok(Math.abs(passed - 0.5) < 0.002, `${median}: ${passed}`)
  }
})

t.test('a walk without variance takes as long as its drift', async (t) => {
  t.equal(medianPassage(124, 1, 0), 124)
  t.ok(medianPassage(124, 1, 1e-9) > 123.9)
})

const BAR = Math.log(20)
const LOSSLESS = evidenceWith(100, EMPTY_GRID, GRID.map(() => 0.5))
const pace = { now: 1_000_000, since: 990_000, perSecond: 0.5, spanEnds: null }

const of = (evidence: Evidence) => ({ evidence, unaccounted: 0, span: newSpan(GRID.length, 0), bar: BAR, certified: -1 })

t.test('an example by hand: 100 of 186 lossless generations have arrived, one every 2 s, the last 10 s ago', async (t) => {
  const outlook = outlookOf(of(LOSSLESS), policyWith(), pace)
  t.strictSame(outlook.next, { index: 0, generations: 86, at: 990_000 + 172_000 })
  t.equal(outlook.ceiling, -1)
  t.match(outlook.horizons.slice(0, 2), [
    { generations: 100, index: 29, tokens_saved_ratio: 0.5, tokens_saved_gross_ratio: 0.5, at: 1_190_000 },
    { generations: 300, index: 29, tokens_saved_ratio: 0.5, tokens_saved_gross_ratio: 0.5, at: 1_590_000 },
  ])
  t.strictSame(outlook.horizons.map(({ generations }) => generations), [100, 300, 1000, 3000, 10_000])
})

t.test('no forecast without evidence, without a rate, with stalled feedback, with too many losses, or with all certified', async (t) => {
  t.strictSame(outlookOf(of(NO_EVIDENCE), policyWith(), pace), { ceiling: -1, next: null, horizons: [] })
  t.match(outlookOf(of(LOSSLESS), policyWith(), { ...pace, perSecond: null }).next, { generations: 86, at: null })
  t.match(outlookOf(of(LOSSLESS), policyWith(), { ...pace, since: 0 }).next, { generations: 86, at: null }, 'it was due long ago')
  t.equal(outlookOf(of(evidenceWith(100, GRID.map(() => 5), GRID.map(() => 0.5))), policyWith(), pace).next, null)
  t.match(outlookOf(of(evidenceWith(300, EMPTY_GRID, GRID.map(() => 0.5))), policyWith(), pace), { ceiling: 29, next: null })
})

t.test('losses make a certificate due before the mean drift reaches the bar', async (t) => {
  const lossy = outlookOf(of(evidenceWith(200, GRID.map(() => 1), GRID.map(() => 0.5))), policyWith(), pace)
  t.ok(lossy.next!.generations > 24 && lossy.next!.generations < lossy.horizons.find(({ index }) => index === 29)!.generations)
  t.strictSame(lossy.horizons.map(({ generations }) => generations), [100, 300, 1000, 3000, 10_000])
})

t.test('E8: nothing is expected to be certified before the evidence spans its time', async (t) => {
  const spanEnds = 1_600_000
  const outlook = (evidence: Evidence) => outlookOf({ ...of(evidence), span: newSpan(GRID.length, 1) }, policyWith(), { ...pace, spanEnds })
  t.match(outlook(LOSSLESS), { ceiling: -1, next: { index: 0, generations: 86, at: spanEnds } })
  t.match(outlook(LOSSLESS).horizons.map(({ index }) => index), [-1, -1, 29, 29, 29])
  const enough = outlook(evidenceWith(300, EMPTY_GRID, GRID.map(() => 0.5)))
  t.match(enough, { ceiling: -1, next: { index: 0, generations: 0, at: spanEnds } }, 'there are enough units')
})

const fresh = openEpoch(undefined, { cause: 'first_enrolment', policy: policyWith(), levels: [], time: 0, name: '0-1' })
/** 2,000 generations in 1,000 s, of which 400 were enrolled as control; the control share is now an eighth. */
const follow_up = { ...NO_FOLLOW_UP, enrolled: 400, accounted: 380, missing: 20 }
const state = changed(fresh, {
  reports: { generations: 2000, treated: 1400, follow_up, updated_at: 1_000_000 },
  rule: { control_share: 0.125 },
  evidence: { final: evidenceWith(400, EMPTY_GRID, GRID.map(() => 0.5)) },
})

t.test('an example by hand: 2 generations a second, an eighth of them control', async (t) => {
  t.match(paceOf(state, 7), { now: 7, since: 1_000_000, perSecond: 0.25 })
})

t.test('E8: the span of an epoch ends that time after its begin', async (t) => {
  const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: policyWith({ evidence_span_seconds: 1800 }), levels: [], time: 7000, name: '0-1' })
  t.equal(paceOf(opened, 0).spanEnds, 7000 + 1_800_000)
  t.equal(paceOf(changed(opened, { evidence: { span: newSpan(GRID.length, 0) } }), 0).spanEnds, null, 'the last look found that it is over')
  const shuffled = openEpoch(undefined, { cause: 'first_enrolment', policy: policyWith(SHUFFLED), levels: [], time: 7000, name: '0-1' })
  t.equal(paceOf(shuffled, 0).spanEnds, null, 'there is none')
})

t.test('the rate is unknown with little evidence', async (t) => {
  t.equal(paceOf(fresh, 0).perSecond, null)
  t.equal(paceOf(changed(state, { reports: { updated_at: 0 } }), 0).perSecond, null, 'at the start of the epoch')
  t.equal(paceOf(changed(state, { evidence: { final: evidenceWith(9, EMPTY_GRID, EMPTY_GRID) } }), 0).perSecond, null)
})
