import t from 'tap'
import { addCounted, addValue, estimateCount, estimateEm, estimateMean, NO_TREATED } from '../../../src/core/contexts/treated-estimates.js'

const FIRST = { samples: 0, sum: 0 }

/** The estimate of EM where all samples are graded. */
const estimateShare = (em: typeof NO_TREATED.em) => estimateEm({ ...NO_TREATED, em, tokens: em })

t.test('a mean is weighted, and is shown from an effective number of 20 samples on', async (t) => {
  let sums = NO_TREATED.tokens
  t.equal(estimateMean(sums), null)
  for (let i = 0; i < 19; i++) sums = addValue(sums, 100, 49, FIRST)
  t.equal(estimateMean(sums), null)
  sums = addValue(sums, 300, 49, FIRST)
  // The mean of 19 values of 100 and one of 300 is 110; the sum of squares about it is 19 x 10^2 + 190^2 = 38,000. The effective number
  // of units is 2,200^2 / (19 x 100^2 + 300^2) = 17.29; at one less the quantile of Student's t is 2.117 (tables: 2.120 at 16, 2.110 at
  // 17).
  const units = 2200 ** 2 / 280_000
  const error = 2.117 * Math.sqrt(38_000 * units / (units - 1)) / 2200
  const { estimate, low, high } = estimateMean(sums)!
  t.equal(estimate, 110)
  t.ok(Math.abs(Math.log(110 / low) / error - 1) < 0.01)
  // The upper end is raised by (1.96^2 + 1) / 2 = 2.4208 times the square of the relative error.
  t.ok(Math.abs(Math.log(low * high / 110 ** 2) - 2.4208 * (error / 2.117) ** 2) < 1e-6)
  t.equal(estimateMean(addValue(sums, 310, 20, FIRST))!.estimate, (20 * 49 * 110 + 20 * 310) / (21 * 49 - 29))
})

t.test('the samples of a group are one unit', async (t) => {
  let apart = NO_TREATED.em
  let together = NO_TREATED.em
  for (let unit = 0; unit < 40; unit++) {
    for (let sample = 0; sample < 4; sample++) {
      apart = addValue(apart, unit % 2, 1, FIRST)
      together = addValue(together, unit % 2, 1, { samples: sample, sum: sample * (unit % 2) })
    }
  }
  const width = (sums: typeof apart) => estimateShare(sums)!.high - estimateShare(sums)!.low
  const ratio = width(together) / width(apart) // 2, but for the quantile of Student's t
  t.ok(ratio > 2 && ratio < 2.1, 'four equal samples say as much as one')
})

t.test('a share stays within 0 and 1', async (t) => {
  let sums = NO_TREATED.em
  for (let i = 0; i < 40; i++) sums = addValue(sums, i === 0 ? 0 : 1, 1, FIRST)
  t.match(estimateShare(sums), { estimate: 0.975, high: 1 })
  t.equal(estimateShare(NO_TREATED.em), null)
})

t.test('the number of treated generations is exact where each stands for itself', async (t) => {
  t.same(estimateCount(NO_TREATED, 7), { estimate: 7, low: 7, high: 7 })
  t.same(estimateCount(NO_TREATED, 0), { estimate: 0, low: 0, high: 0 })
  let sums = NO_TREATED
  for (let i = 0; i < 100; i++) sums = addCounted(sums, 49, 0)
  const { estimate, low, high } = estimateCount(sums, 4900)
  // The standard error is the root of 100 x 49 x 48, a tenth of the estimate less 1 %.
  t.equal(estimate, 4900)
  t.ok(Math.abs(Math.log(high / estimate) - 1.96 * Math.sqrt(48 / 49) / 10) < 1e-9)
  t.ok(Math.abs(low * high - estimate ** 2) < 1e-6)
})

t.test('EM is shown only while 95 % of the measured samples are graded', async (t) => {
  let sums = NO_TREATED
  const add = (grade: number | null) => {
    const tokens = addValue(sums.tokens, 100, 2, FIRST)
    sums = { ...sums, tokens, em: grade === null ? sums.em : addValue(sums.em, grade, 2, FIRST) }
  }
  for (let i = 0; i < 95; i++) add(i % 2)
  for (let i = 0; i < 5; i++) add(null)
  t.equal(estimateEm(sums)!.estimate, 47 / 95)
  add(null)
  t.equal(estimateEm(sums), null)
})
