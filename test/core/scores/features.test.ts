import t from 'tap'
import {
  BASE_FEATURES, contextLevels, featureRows, featureScale, LENGTH_POWER, median, plainWeights, signalScales, type TreeNode,
  typicalLengths,
} from '../../../src/core/scores/features.js'
import { scoreStep } from '../../../src/core/decide/scorer.js'
import type { Sample } from '../../../src/core/scores/sample.js'
import { mulberry32 } from '../../random.js'
import { plantedSamples } from './planted-samples.js'

t.test('levels list parents before children, each with its leaves', async (t) => {
  const levels = contextLevels(['model=b,task=y', 'model=a,task=x', 'model=a,task=y', 'model=a,task=x'])
  const summaryOf = ({ key, parent, children, leaves }: TreeNode) => [key, parent?.key ?? null, children.length, leaves]
  t.strictSame(levels.map((nodes) => nodes.map(summaryOf)), [
    [['*', null, 2, ['model=a,task=x', 'model=a,task=y', 'model=b,task=y']]],
    [['model=a', '*', 2, ['model=a,task=x', 'model=a,task=y']], ['model=b', '*', 1, ['model=b,task=y']]],
    [
      ['model=a,task=x', 'model=a', 0, ['model=a,task=x']],
      ['model=a,task=y', 'model=a', 0, ['model=a,task=y']],
      ['model=b,task=y', 'model=b', 0, ['model=b,task=y']],
    ],
  ])
})

t.test('the root may be a leaf', async (t) => {
  t.match(contextLevels(['*']), [[{ key: '*', leaves: ['*'] }]])
})

const logMedian = Math.log(900)
const samples = plantedSamples(3, [{ leaf: 'task=a', generations: 20, weights: [1, 1] }]).map((sample) => ({ ...sample, weight: 1 }))
const scale = featureScale(samples, new Map([['task=a', logMedian]]))
const signals = [{ name: 'absent', mean: 3, scale: 2 }, { name: 'hint', mean: 0.5, scale: 4 }]

t.test('every step is a row, the weights of a generation sum to 1, and features are standardised', async (t) => {
  const { x, y, weight } = featureRows(samples, logMedian, signals, scale)
  const p = BASE_FEATURES + signals.length
  t.equal(y.length, 80)
  t.equal(x.length, 80 * p)
  t.ok(weight.every((each) => each === 0.25))
  t.strictSame([...y], samples.flatMap(({ steps }) => steps.map(({ lost }) => 1 - lost)))
  for (const j of [1, 2]) {
    const column = Array.from(y, (_, row) => x[row * p + j]!)
    t.ok(Math.abs(column.reduce((sum, value) => sum + value, 0)) < 1e-9)
    t.ok(Math.abs(column.reduce((sum, value) => sum + value * value, 0) / 80 - 1) < 1e-9)
  }
  t.ok(Array.from(y, (_, row) => x[row * p + 4]).every((value) => value === 0), 'an absent signal counts as its mean')
})

t.test('plain weights give the same scores as standardised ones', async (t) => {
  const { x, y } = featureRows(samples, logMedian, signals, scale)
  const weights = Float64Array.of(0.3, 1.2, -0.4, 0.25, 2, -0.7)
  const scorer = { name: 'p', grid: [], log_median: logMedian, length_power: LENGTH_POWER, signals, weights: plainWeights(weights, scale) }
  const scores = samples.flatMap(({ steps }) => steps.map((step) => scoreStep(scorer, step.tokens, step.confidence, step.signals)!))
  for (let row = 0; row < y.length; row++) {
    const z = weights.reduce((sum, weight, j) => sum + weight * x[row * weights.length + j]!, 0)
    if (Math.abs(scores[row]! - 1 / (1 + Math.exp(-z))) > 1e-12) t.fail(`row ${row}`)
  }
  t.pass()
})

t.test('an outlying signal is clamped in fitting as in scoring', async (t) => {
  const wild = [{ ...samples[0]!, steps: [{ tokens: 5, confidence: 0.5, signals: { hint: 1e6 }, lost: 0 as const }] }]
  t.strictSame([...featureRows(wild, logMedian, signals, scale).x.slice(BASE_FEATURES)], [0, 8])
})

t.test('constant features keep a scale of 1', async (t) => {
  const one = [{ weight: 1, u: 0, leaf: '*', label: 'exact_match' as const, tokens: 5, steps: [{ tokens: 5, confidence: 0.5, lost: 0 as const }] }]
  t.strictSame(featureScale(one, new Map([['*', 0]])), { odds: { mean: 0, scale: 1 }, length: { mean: Math.expm1(LENGTH_POWER * Math.log(5)) / LENGTH_POWER, scale: 1 } })
})

t.test('the median is the middle value, or the mean of the middle two', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([3, 1, 2, 10]), 2.5)
})

const sample = (...steps: Record<string, number>[]): Sample => ({
  u: 0.5, leaf: '*', label: 'exact_match', tokens: 10, steps: steps.map((signals, i) => ({ tokens: i, confidence: 0.5, signals, lost: 0 })),
})

t.test('every generation has the same weight in means and standard deviations', async (t) => {
  const scales = signalScales([
    ...Array.from({ length: 30 }, () => sample({ b: 1, a: 3 })),
    ...Array.from({ length: 30 }, () => sample({ b: 3 }, { b: 3 }, { b: 3 }, { b: 3 })),
  ])
  t.strictSame(scales, [{ name: 'b', mean: 2, scale: 1 }], 'a is constant')
})

t.test('rare, constant and non-finite signals are left out', async (t) => {
  const many = Array.from({ length: 1000 }, (_, i) => sample({
    common: i % 2, infinite: i % 2 ? NaN : Infinity, huge: i % 2 ? 1e300 : -1e300, ...(i < 49 && { rare: i }), ...(i < 50 && { enough: i }),
  }))
  t.strictSame(signalScales(many).map(({ name }) => name), ['common', 'enough'])
  t.strictSame(signalScales([sample({ a: 1 }), sample({ a: 2 })]), [], 'two generations are too few')
  t.strictSame(signalScales([]), [])
})

t.test('the sixteen most common signals are kept, sorted by name', async (t) => {
  const names = Array.from({ length: 20 }, (_, i) => `s${String(i).padStart(2, '0')}`)
  const many = Array.from({ length: 100 }, (_, i) => sample(Object.fromEntries(names.slice(i < 50 ? 2 : 0).map((name) => [name, i]))))
  t.strictSame(signalScales(many).map(({ name }) => name), names.slice(2, 18))
})

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
