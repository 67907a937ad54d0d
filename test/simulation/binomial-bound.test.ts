import t from 'tap'
import { mulberry32 } from '../random.js'
import { binomialBound } from './binomial-bound.js'

t.test('the bound is the 99.9 % quantile of the binomial distribution', async (t) => {
  // scipy.stats.binom.ppf(0.999, n, p)
  const quantiles = [[10, 0.05, 4], [20, 0.05, 5], [100, 0.05, 13], [200, 0.05, 21], [1000, 0.05, 73], [20, 0.5, 17]] as const
  for (const [runs, probability, bound] of quantiles) {
    t.equal(binomialBound(runs, probability), bound, `${runs} runs`)
  }
})

t.test('the bound is exceeded in at most a thousandth of the experiments', async (t) => {
  const random = mulberry32(1)
  const bound = binomialBound(40, 0.05)
  let exceeded = 0
  for (let i = 0; i < 20_000; i++) {
    let count = 0
    for (let run = 0; run < 40; run++) if (random() < 0.05) count++
    if (count > bound) exceeded++
  }
  t.ok(exceeded / 20_000 <= 0.0015, `${exceeded} of 20,000`)
})
