import t from 'tap'
import type { Sample } from '../../../src/core/predictor/sample.js'
import { signalScales } from '../../../src/core/predictor/signal-scales.js'

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
