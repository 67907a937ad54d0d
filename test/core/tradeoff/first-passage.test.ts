import t from 'tap'
import { medianPassage } from '../../../src/core/tradeoff/first-passage.js'

/** Probability of having passed by `end`: numerical integral of the inverse Gaussian density (Folks & Chhikara 1978, eq. 1). */
function passedBy (end: number, mean: number, shape: number): number {
  const parts = 20_000
  let sum = 0
  for (let i = 0; i < parts; i++) {
    const x = (i + 0.5) * end / parts
    sum += Math.sqrt(shape / (2 * Math.PI * x ** 3)) * Math.exp(-shape * (x - mean) ** 2 / (2 * mean ** 2 * x)) * end / parts
  }
  return sum
}

t.test('half of the walks have passed the bar by the median', async (t) => {
  for (const [mean, distance, variance] of [[100, 1, 0.01], [100, 1, 0.1], [1000, 0.5, 0.01], [50, 3, 0.001]] as const) {
    const median = medianPassage(mean, distance, variance)
    t.ok(median < mean)
    const passed = passedBy(median, mean, distance ** 2 / variance)
    t.ok(Math.abs(passed - 0.5) < 0.002, `${median}: ${passed}`)
  }
})

t.test('a walk without variance takes as long as its drift', async (t) => {
  t.equal(medianPassage(124, 1, 0), 124)
  t.ok(medianPassage(124, 1, 1e-9) > 123.9)
})
