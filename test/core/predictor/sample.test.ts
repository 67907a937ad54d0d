import t from 'tap'
import { sampledIndexes, sampleOf } from '../../../src/core/predictor/sample.js'
import { LEAF, outcomeOf } from '../learn/memory-fold.js'

t.test('a sample has the probed steps of an outcome, and whether stopping there loses EM', async (t) => {
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
  t.same(sampleOf({ ...outcome, full: { exact_match: 0 } }, LEAF, 'exact_match')!.steps.map(({ lost }) => lost), [0, 0], 'a wrong answer cannot be lost')
  t.equal(sampleOf(outcome, LEAF, 'agreement'), null, 'no label of this kind')
  t.equal(sampleOf(outcomeOf({ steps: [{ tokens: 10, confidence: 0.5 }] }), LEAF, 'exact_match'), null, 'no probe')
  t.equal(sampleOf(outcomeOf({ steps: null }), LEAF, 'exact_match'), null)
})

t.test('twelve steps are sampled evenly from those with record confidence, including the first and the last', async (t) => {
  const steps = Array.from({ length: 100 }, (_, i) => ({ tokens: i, confidence: i / 100, exact_match: 1 as const }))
  const indexes = sampledIndexes(steps)
  t.same(indexes, [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99])
  t.same(sampledIndexes(steps.slice(0, 12)), [...Array(12).keys()])
  t.same(sampledIndexes([0.5, 0.4, 0.5, 0.6, 0.1].map((confidence, i) => ({ tokens: i, confidence, exact_match: 1 as const }))), [0, 3])
  t.same(sampledIndexes([{ tokens: 1, confidence: 0.5, answer_digest: 'a' }, { tokens: 2, confidence: 0.5 }]), [0], 'a probe without a label counts, since its label may still arrive')
})
