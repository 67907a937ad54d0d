import t from 'tap'
import { normal, seededRandom, shuffle } from '../../../src/cli/traces/seeded-random.js'

const draw = (seed: number, n: number) => { const random = seededRandom(seed); return Array.from({ length: n }, random) }

t.strictSame(draw(1, 5), draw(1, 5), 'the same seed draws the same')
t.notSame(draw(1, 5), draw(2, 5))
t.notSame(draw(1, 5), draw(2 ** 32 + 1, 5), 'the upper half of a large seed counts')

t.test('draws are uniform', async (t) => {
  const draws = draw(7, 100_000)
  t.ok(draws.every((u) => u >= 0 && u < 1))
  // 10 bins of 10,000: chi squared with 9 degrees of freedom is below 27.9 with probability 0.999.
  const bins = Array.from({ length: 10 }, (_, bin) => draws.filter((u) => Math.floor(u * 10) === bin).length)
  t.ok(bins.reduce((sum, n) => sum + (n - 10_000) ** 2 / 10_000, 0) < 27.9)
})

t.test('normal draws have mean 0 and deviation 1', async (t) => {
  const random = seededRandom(7)
  const draws = Array.from({ length: 100_000 }, () => normal(random))
  const mean = draws.reduce((a, b) => a + b) / draws.length
  const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length
  t.ok(Math.abs(mean) < 4 / Math.sqrt(100_000), 'mean 0, within four standard errors')
  t.ok(Math.abs(variance - 1) < 4 * Math.sqrt(2 / 100_000), 'variance 1')
})

t.test('shuffle returns a permutation', async (t) => {
  const items = [1, 2, 3, 4]
  t.strictSame([...shuffle(seededRandom(1), items)].sort(), items, 'the same items')
  t.strictSame(items, [1, 2, 3, 4], 'the original is left alone')
  const firsts = new Map<number, number>()
  const random = seededRandom(1)
  for (let i = 0; i < 4000; i++) { const [first] = shuffle(random, items); firsts.set(first!, (firsts.get(first!) ?? 0) + 1) }
  for (const n of firsts.values()) t.ok(Math.abs(n - 1000) < 4 * Math.sqrt(4000 * 0.25 * 0.75), 'each comes first as often')
})
