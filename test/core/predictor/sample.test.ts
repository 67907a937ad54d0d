import t from 'tap'
import { sampledPlaces, sampleOf } from '../../../src/core/predictor/sample.js'
import { LEAF, outcomeOf } from '../learn/memory-fold.js'

t.test('what is learned of an outcome: its probed steps, and whether stopping there would have lost it', async (t) => {
  const outcome = outcomeOf({
    u: 0.25,
    tokens: 90,
    steps: [
      { tokens: 10, confidence: 0.5, exact_match: 0, signals: { entropy: 1 } },
      { tokens: 20, confidence: 0.6 },
      { tokens: 30, confidence: null, exact_match: 1 },
      { tokens: 40, confidence: 0.7, exact_match: 1, agreement: 0 },
    ],
  })
  t.strictSame(sampleOf(outcome, LEAF, 'exact_match'), {
    u: 0.25,
    leaf: LEAF,
    label: 'exact_match',
    tokens: 90,
    steps: [{ tokens: 10, confidence: 0.5, signals: { entropy: 1 }, lost: 1 }, { tokens: 40, confidence: 0.7, lost: 0 }],
  })
  t.same(sampleOf({ ...outcome, full: { exact_match: 0 } }, LEAF, 'exact_match')!.steps.map(({ lost }) => lost), [0, 0], 'a wrong answer can not be lost')
  t.equal(sampleOf(outcome, LEAF, 'agreement'), null, 'without a label of the kind')
  t.equal(sampleOf(outcomeOf({ steps: [{ tokens: 10, confidence: 0.5 }] }), LEAF, 'exact_match'), null, 'without a probe')
  t.equal(sampleOf(outcomeOf({ steps: null }), LEAF, 'exact_match'), null)
})

t.test('of many that are surer than all before twelve, evenly spread, the first and the last among them', async (t) => {
  const steps = Array.from({ length: 100 }, (_, i) => ({ tokens: i, confidence: i / 100, exact_match: 1 as const }))
  const places = sampledPlaces(steps)
  t.same(places, [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99])
  t.same(sampledPlaces(steps.slice(0, 12)), [...Array(12).keys()])
  t.same(sampledPlaces([0.5, 0.4, 0.5, 0.6, 0.1].map((confidence, i) => ({ tokens: i, confidence, exact_match: 1 as const }))), [0, 3])
  t.same(sampledPlaces([{ tokens: 1, confidence: 0.5, answer_digest: 'a' }, { tokens: 2, confidence: 0.5 }]), [0], 'a label may come for a probe')
})
