import t from 'tap'
import { contextLevels } from '../../../src/core/scores/features.js'
import type { Rows } from '../../../src/core/scores/logistic-regression.js'
import { fitTree } from '../../../src/core/scores/fit-tree.js'
import { mulberry32 } from '../../random.js'

const random = mulberry32(11)

function rows (count: number, intercept: number, slope: number): Rows {
  const x = Float64Array.from({ length: 2 * count }, (_, i) => i % 2 === 0 ? 1 : 4 * random() - 2)
  const y = Uint8Array.from({ length: count }, (_, row) => random() < 1 / (1 + Math.exp(-intercept - slope * x[2 * row + 1]!)) ? 1 : 0)
  return { x, y, weight: new Float64Array(count).fill(1) }
}

function fit (contexts: ReadonlyArray<readonly [key: string, rows: Rows]>) {
  return fitTree(contextLevels(contexts.map(([key]) => key)), new Map(contexts), 2)
}

t.test('contexts that differ get their own weights if they have many rows, and stay near their parent if few', async (t) => {
  const { weights, spread } = fit([
    ...Array.from({ length: 12 }, (_, i) => [`task=${i}`, rows(2000, i % 2 ? 1 : -1, 1)] as const), ['task=few', rows(5, 5, 1)],
  ])
  for (let i = 0; i < 12; i++) t.ok(Math.abs(weights.get(`task=${i}`)![0]! - (i % 2 ? 1 : -1)) < 0.25, 'its own intercept')
  t.ok(Math.abs(weights.get('task=few')![0]!) < 2, 'five rows do not move it to 5')
  t.ok(spread[1]![0]! > 0.5 && spread[1]![0]! < 2, 'the intercepts differ from their parent by 1')
  t.ok(spread[1]![1]! < 0.15, 'the slopes do not differ')
})

t.test('contexts that do not differ get nearly the same weights', async (t) => {
  const { weights, spread } = fit(Array.from({ length: 40 }, (_, i) => [`task=${i}`, rows(40, 0.5, 1)]))
  t.ok(spread[1]![0]! < 0.1 && spread[1]![1]! < 0.1)
  const [a, b] = weights.get('*')!
  for (let i = 0; i < 40; i++) t.ok(Math.abs(weights.get(`task=${i}`)![0]! - a!) < 0.5 && Math.abs(weights.get(`task=${i}`)![1]! - b!) < 0.5)
})

t.test('the weight of the product is shrunk more than those of its factors', async (t) => {
  const features = 4
  const x = new Float64Array(60 * features)
  for (let row = 0; row < 60; row++) x.set([1, random() - 0.5, random() - 0.5, random() - 0.5], row * features)
  const y = Uint8Array.from({ length: 60 }, (_, row) => [1, 2, 3].reduce((sum, j) => sum + x[row * features + j]!, 0) > 0 ? 1 : 0)
  const { weights } = fitTree(contextLevels(['*']), new Map([['*', { x, y, weight: new Float64Array(60).fill(1) }]]), features)
  const [, first, second, product] = weights.get('*')!
  t.ok(product! > 0 && product! < first! / 2 && product! < second! / 2, `${[first, second, product]}`)
})

t.test('the variance of the product among contexts is shrunk more than those of its factors', async (t) => {
  const features = 4
  const contexts = Array.from({ length: 4 }, (_, i) => {
    const count = 80
    const x = new Float64Array(count * features)
    for (let row = 0; row < count; row++) x.set([1, ...[1, 2, 3].map(() => 2 * random() - 1)], row * features)
    const y = Uint8Array.from({ length: count }, (_, row) =>
      random() < 1 / (1 + Math.exp((i % 2 ? -1 : 1) * [1, 2, 3].reduce((sum, j) => sum + x[row * features + j]!, 0))) ? 1 : 0)
    return [`task=${i}`, { x, y, weight: new Float64Array(count).fill(1) }] as const
  })
  const { spread } = fitTree(contextLevels(contexts.map(([key]) => key)), new Map(contexts), features)
  const [, first, second, product] = spread[1]!
  t.ok(product! < first! / 2 && product! < second! / 2, `${[first, second, product]}`)
})

t.test('an only child has the weights of its parent', async (t) => {
  const { weights } = fit([['task=a', rows(50, 1, 1)]])
  t.strictSame(weights.get('task=a'), weights.get('*'))
})

t.test('starting from a known fit gives the same weights', async (t) => {
  const contexts = Array.from({ length: 4 }, (_, i) => [`model=${i % 2},task=${i}`, rows(100, i, 1)] as const)
  const tree = contextLevels(contexts.map(([key]) => key))
  const first = fitTree(tree, new Map(contexts), 2)
  const again = fitTree(tree, new Map(contexts), 2, first)
  for (const [key, weights] of first.weights) t.ok(weights.every((weight, j) => Math.abs(weight - again.weights.get(key)![j]!) < 1e-4), key)
})
