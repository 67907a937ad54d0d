import t from 'tap'
import { type Sample, sampledIndexes, sampleOf, type SampleStep, usableSamples } from '../../../src/core/scores/sample.js'
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

const step = (confidence: number, more: Partial<SampleStep> = {}): SampleStep => ({ tokens: 1, confidence, lost: 0, ...more })
const sample = (steps: SampleStep[], more: Partial<Sample> = {}): Sample => ({ u: 0.5, leaf: '*', label: 'exact_match', tokens: 9, steps, ...more })

t.test('steps with a record confidence are kept', async (t) => {
  const [one] = usableSamples([sample([0.5, 0.4, 0.5, 0.6, 0.2, 0.6, 1].map((confidence) => step(confidence)))], 'exact_match')
  t.strictSame(one!.steps.map(({ confidence }) => confidence), [0.5, 0.6, 1])
  t.equal(usableSamples([sample([step(0)])], 'exact_match')[0]!.steps.length, 1, 'the first step always is a record')
})

t.test('invalid steps are dropped, and so are samples without valid steps', async (t) => {
  t.strictSame(usableSamples([
    sample([step(NaN)]), sample([step(1.1)]), sample([step(0.5, { tokens: Infinity })]), sample([step(0.5, { tokens: -1 })]), sample([]),
    sample([step(0.5)], { tokens: 0 }), sample([step(0.5)], { tokens: NaN }), sample([step(0.5)], { u: NaN }), sample([step(0.5)], { label: 'agreement' }),
    sample([step(0.5, { lost: 2 as 1 })]),
  ], 'exact_match'), [])
})

t.test('the weights of a group\'s generations sum to 1', async (t) => {
  const weights = usableSamples([0.1, 0.2, 0.2, 0.2].map((u) => sample([step(0.5)], { u })), 'exact_match').map(({ weight }) => weight)
  t.strictSame(weights, [1, 1 / 3, 1 / 3, 1 / 3])
})

t.test('the order of the input does not matter', async (t) => {
  const samples = [
    sample([step(0.5)], { leaf: 'b' }), sample([step(0.5)], { leaf: 'a', u: 0.9 }), sample([step(0.5)], { leaf: 'a', u: 0.1, tokens: 8 }),
    sample([step(0.5)], { leaf: 'a', u: 0.1 }), sample([step(0.4)], { leaf: 'a', u: 0.1 }),
  ]
  t.strictSame(usableSamples([...samples].reverse(), 'exact_match'), usableSamples(samples, 'exact_match'))
})
