import t from 'tap'
import { contextWeights, fitFrame, frameOf } from '../../../src/core/predictor/frame.js'
import { scoreStep } from '../../../src/core/predictor/predictor.js'
import { usableSamples } from '../../../src/core/predictor/usable-samples.js'
import { plantedSamples } from './planted-samples.js'

const samples = usableSamples(plantedSamples(6, [
  { leaf: 'task=a', generations: 300, weights: [2, 1] }, { leaf: 'task=b', generations: 300, weights: [-1, 1] },
]), 'exact_match')

t.test('weights for every context of the tree, also from a part that leaves one out', async (t) => {
  const frame = frameOf(samples)
  const scoreIn = (of: typeof samples, key: string) => {
    const contexts = contextWeights(frame, fitFrame(frame, of))
    t.strictSame(Object.keys(contexts), ['*', 'task=a', 'task=b'])
    return scoreStep({ name: '', grid: [], signals: frame.signals, length_power: 0, ...contexts[key]! }, 1000, 0.5, undefined)!
  }
  t.ok(scoreIn(samples, 'task=a') - scoreIn(samples, 'task=b') > 0.4)
  const onlyA = samples.filter(({ leaf }) => leaf === 'task=a')
  t.ok(Math.abs(scoreIn(onlyA, 'task=b') - scoreIn(onlyA, '*')) < 0.05, 'who is not in it scores as its parent')
})
