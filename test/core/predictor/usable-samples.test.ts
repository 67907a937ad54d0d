import t from 'tap'
import type { Sample, SampleStep } from '../../../src/core/predictor/sample.js'
import { usableSamples } from '../../../src/core/predictor/usable-samples.js'

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
