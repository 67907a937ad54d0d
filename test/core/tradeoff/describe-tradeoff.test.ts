import t from 'tap'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { describeTradeoff } from '../../../src/core/tradeoff/describe-tradeoff.js'
import { recordedByTask } from '../recording/recorded.js'
import { policyWith } from '../learn/memory-fold.js'
import { stairs } from './stairs.js'

const family = { score: 'confidence', evidence: stairs([0, 10, 40]), grid: GRID, bar: Math.log(20), index: 10, suspicion: 1 }
const pace = { now: 1000, since: 0, perSecond: 2 }

t.test('the trade-off of a context, worked by hand', async (t) => {
  const view = describeTradeoff(family, policyWith({ em_per_token_percent: 0.001, value_of_em: 1, price_per_1k_tokens: 0.1 }), pace)
  t.match(view, {
    generations: 1000,
    tokens_mean: 1000,
    threshold: GRID[10],
    knee: { threshold: GRID[10], em_drop: 0.01, tokens_saved_ratio: 0.4 },
    em_per_token_percent: 0.001,
    unfavourable_from: { threshold: GRID[10], em_drop: 0.01 },
    forecast: { control_generations_per_hour: 7200, drift_suspicion: 1 },
  })
  t.ok(Math.abs(view.expected_utility! - 0.03) < 1e-12, '400 tokens at 0.1 per 1,000, minus one answer in a hundred at 1')
  t.equal(describeTradeoff({ ...family, suspicion: 3 }, policyWith(), pace).forecast.heading, 'stricter')
})

t.test('without evidence, everything that depends on it is null or empty', async (t) => {
  const nothing = { ...family, evidence: NO_EVIDENCE, index: -1 }
  t.match(describeTradeoff(nothing, policyWith({ em_per_token_percent: 0.001 }), { ...pace, perSecond: null }), {
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
      { ...family, evidence: evidence.get(task)! }, policyWith({ em_per_token_percent: 0.0005 }), pace)
    t.ok(knee!.threshold! >= 0.75 && knee!.threshold! <= most, `${task}: knee at ${knee!.threshold}`)
    t.ok(knee!.tokens_saved_ratio > 0.45 && knee!.em_drop < 0.005, 'saves half of the tokens for at most half a point')
    t.ok(turn!.threshold! >= 0.75 && turn!.rest.estimate > 0.0005, `${task}: unfavourable from ${turn!.threshold}`)
    t.ok(points.at(-1)!.em_drop > 0.025, 'the loosest threshold costs points')
  }
})
