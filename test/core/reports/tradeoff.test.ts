import t from 'tap'
import type { Evidence } from '../../../src/core/stats/evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { newSpan } from '../../../src/core/evidence/evidence-span.js'
import { segmentsOf } from '../../../src/core/reports/curve.js'
import { describeTradeoff, kneeOf } from '../../../src/core/reports/tradeoff.js'
import { mulberry32 } from '../../random.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import { evidenceWith } from '../stats/random-evidence.js'
import { policyWith } from '../learn/memory-fold.js'
import { recordedByTask } from './recorded.js'
import { isClose, stairs } from './stairs.js'

const of = (evidence: Evidence, index = 10) =>
  ({
    score: 'confidence', evidence, accounted: evidence, unaccounted: 0, span: newSpan(GRID.length, 0), certified: -1, grid: GRID, bar: Math.log(20), index, suspicion: 1,
  })
const family = of(stairs([0, 10, 40]))
const pace = { now: 1000, since: 0, perSecond: 2, spanEnds: null }

t.test('the trade-off of a context, worked by hand', async (t) => {
  const view = describeTradeoff(family, policyWith({ max_em_drop: 0.02 }), pace)
  t.match(view, {
    generations: 1000,
    tokens_mean: 1000,
    threshold: GRID[10],
    knee: { threshold: GRID[10], em_drop: 0.01, tokens_saved_ratio: 0.4 },
    unfavourable_from: { threshold: GRID[20], em_drop: 0.04, em_drop_predicted: 0.04 },
    forecast: { control_generations_per_hour: 7200, drift_suspicion: 1 },
  })
  t.equal(describeTradeoff(family, policyWith({ max_em_drop: 0.05 }), pace).unfavourable_from, null, 'no threshold is predicted to lose as much')
  t.match(describeTradeoff(of(stairs([10, 30, 60])), policyWith({ max_em_drop: 0.005 }), pace).unfavourable_from, { threshold: GRID[0] }, 'every threshold loses more')
  t.equal(describeTradeoff({ ...family, suspicion: 3 }, policyWith(), pace).forecast.heading, 'stricter')
})

t.test('without evidence, everything that depends on it is null or empty', async (t) => {
  const nothing = of(NO_EVIDENCE, -1)
  t.match(describeTradeoff(nothing, policyWith(), { ...pace, perSecond: null }), {
    generations: 0,
    tokens_mean: null,
    em_full: null,
    threshold: null,
    knee: null,
    unfavourable_from: null,
    forecast: { heading: null, control_generations_per_hour: null, next_certificate: null, horizons: [] },
  })
})

t.test('on real traces the knee lies where votes begin to be split', async (t) => {
  const evidence = recordedByTask('older-self-consistency')
  // A single vote gives a confidence of 0.75, and two agreeing votes give 0.875. Thresholds above 0.75 lose hardly any answers; at 0.75 and
  // below, a single vote is enough to stop.
  for (const [task, most] of [['gpqa_diamond', 0.92], ['otis_mock_aime', 0.92]] as const) {
    const { knee, unfavourable_from: turn, points } = describeTradeoff(
      of(evidence.get(task)!), policyWith({ max_em_drop: 0.01 }), pace)
    t.ok(knee!.threshold! >= 0.75 && knee!.threshold! <= most, `${task}: knee at ${knee!.threshold}`)
    t.ok(knee!.tokens_saved_ratio > 0.45 && knee!.em_drop < 0.005, 'saves half of the tokens for at most half a point')
    t.ok(turn!.threshold! <= knee!.threshold! && turn!.em_drop_predicted > 0.01, `${task}: unfavourable from ${turn!.threshold}`)
    t.ok(points.at(-1)!.em_drop > 0.025, 'the loosest threshold costs points')
  }
})

t.test('an audited miss rate scales drops', async (t) => {
  const evidence = recordedByTask('older-self-consistency').get('gpqa_diamond')!
  const seen = describeTradeoff(of(evidence), policyWith({ max_em_drop: 0.005 }), pace)
  const corrected = describeTradeoff(of(evidence), policyWith({ max_em_drop: 0.01, judge_miss_rate: 0.5 }), pace)
  const [before, after] = [seen.points.at(-1)!, corrected.points.at(-1)!]
  for (const name of ['em_drop', 'em_drop_low', 'em_drop_high', 'em_drop_predicted'] as const) t.ok(isClose(after[name], 2 * before[name]), name)
  t.equal(corrected.unfavourable_from!.threshold, seen.unfavourable_from!.threshold, 'the bound is twice as high, and so are the drops')
})

const kneeIn = (evidence: Evidence) => kneeOf(evidence, segmentsOf(evidence))

t.test('an example by hand: on the diagonal 20, 40 and 60 % of tokens cost 1.33, 2.67 and 4 points; the curve costs 0, 1 and 4', async (t) => {
  const knee = kneeIn(stairs([0, 10, 40]))!
  t.equal(knee.index, 10)
  t.ok(isClose(knee.below, 0.02 / 3 + 0.01), '2.67 - 1 = 1.67 points below the diagonal, more than 1.33')
})

t.test('a straight line, noise and a lossless curve have no knee', async (t) => {
  t.equal(kneeIn(stairs([20, 40, 60])), null, 'a straight line')
  t.equal(kneeIn(stairs([0, 1, 4], 100)), null, 'the same bend in 100 generations')
  t.equal(kneeIn(stairs([0, 0, 0])), null)
  t.equal(kneeIn(NO_EVIDENCE), null)
})

t.test('a truly straight line rarely has a knee', async (t) => {
  const random = mulberry32(11)
  for (const thresholds of [2, 30]) {
    let knees = 0
    for (let run = 0; run < 200; run++) {
      const lost = new Array<number>(thresholds).fill(0)
      for (let i = 0; i < 500; i++) {
        const at = Math.floor(random() / 0.3 * thresholds) // 30 % are lost at some threshold.
        for (let k = at; k < thresholds; k++) lost[k]! += 1
      }
      const saved = lost.map((_, k) => 0.75 * (k + 1) / thresholds)
      if (kneeIn(evidenceWith(500, lost, saved, lost.map(() => 0))) !== null) knees++
    }
    t.ok(knees <= 10, `${knees} of 200, ${thresholds} thresholds`)
  }
})
