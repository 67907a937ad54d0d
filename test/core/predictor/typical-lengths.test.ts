import t from 'tap'
import { contextLevels } from '../../../src/core/predictor/context-tree.js'
import type { Sample } from '../../../src/core/predictor/sample.js'
import { typicalLengths } from '../../../src/core/predictor/typical-lengths.js'
import { mulberry32 } from '../../random.js'

const random = mulberry32(5)
const around = (leaf: string, median: number, count: number): Sample[] => Array.from({ length: count }, () =>
  ({ u: 0.5, leaf, label: 'exact_match', tokens: median * Math.exp(2 * (random() - 0.5)), steps: [] }))
const lengthsOf = (samples: Sample[]) => typicalLengths(contextLevels(samples.map(({ leaf }) => leaf)), samples)

t.test('the root has its median, and so has a context with many generations', async (t) => {
  const samples = [...around('task=a', 100, 500), ...around('task=b', 1000, 500)]
  const lengths = lengthsOf(samples)
  t.ok(Math.abs(lengths.get('task=a')! - Math.log(100)) < 0.15)
  t.ok(Math.abs(lengths.get('task=b')! - Math.log(1000)) < 0.15)
  t.ok(lengths.get('*')! > lengths.get('task=a')! && lengths.get('*')! < lengths.get('task=b')!)
})

t.test('a context with few generations stays near its parent if siblings do not differ', async (t) => {
  const samples = [...Array.from({ length: 20 }, (_, i) => around(`task=${i}`, 100, 200)).flat(), ...around('task=few', 180, 2)]
  const lengths = lengthsOf(samples)
  t.ok(Math.abs(lengths.get('task=few')! - lengths.get('*')!) < 0.2)
})

t.test('equal lengths in a single context do not divide by zero', async (t) => {
  const same = Array.from({ length: 4 }, (): Sample => ({ u: 0.5, leaf: 'task=a', label: 'exact_match', tokens: 8, steps: [] }))
  t.strictSame([...lengthsOf(same)], [['*', Math.log(8)], ['task=a', Math.log(8)]])
})
