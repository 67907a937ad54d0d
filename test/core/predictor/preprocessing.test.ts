import t from 'tap'
import { contextWeights, fitWeights, preprocess } from '../../../src/core/predictor/preprocessing.js'
import { scoreStep } from '../../../src/core/predictor/predictor.js'
import { usableSamples } from '../../../src/core/predictor/usable-samples.js'
import { plantedSamples } from './planted-samples.js'

const samples = usableSamples(plantedSamples(6, [
  { leaf: 'task=a', generations: 300, weights: [2, 1] }, { leaf: 'task=b', generations: 300, weights: [-1, 1] },
]), 'exact_match')

t.test('every context of the tree gets weights, even from samples that leave one out', async (t) => {
  const frame = preprocess(samples)
  const scoreIn = (of: typeof samples, key: string) => {
    const contexts = contextWeights(frame, fitWeights(frame, of))
    t.strictSame(Object.keys(contexts), ['*', 'task=a', 'task=b'])
    return scoreStep({ name: '', grid: [], signals: frame.signals, length_power: 0, ...contexts[key]! }, 1000, 0.5, undefined)!
  }
  t.ok(scoreIn(samples, 'task=a') - scoreIn(samples, 'task=b') > 0.4)
  const onlyA = samples.filter(({ leaf }) => leaf === 'task=a')
  t.ok(Math.abs(scoreIn(onlyA, 'task=b') - scoreIn(onlyA, '*')) < 0.05, 'a context without samples scores as its parent')
})
