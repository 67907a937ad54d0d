import t from 'tap'
import { addToArm, addValue, doArmsDiffer, estimateEm, estimateMean, NO_ARMS } from '../../../src/core/guards/arms.js'
import { atMost, mulberry32 } from '../../random.js'

const NO_ARM = NO_ARMS.treated

/** The estimate of EM where all samples are graded. */
const estimateShare = (em: typeof NO_ARM.em) => estimateEm({ ...NO_ARM, em, tokens: em })

t.test('a mean is weighted, and is shown from an effective number of 20 samples on', async (t) => {
  let sums = NO_ARM.tokens
  t.equal(estimateMean(sums), null)
  for (let i = 0; i < 19; i++) sums = addValue(sums, 100, 49)
  t.equal(estimateMean(sums), null)
  sums = addValue(sums, 300, 49)
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
  t.equal(estimateMean(addValue(sums, 310, 20))!.estimate, (20 * 49 * 110 + 20 * 310) / (21 * 49 - 29))
})

t.test('a share stays within 0 and 1', async (t) => {
  let sums = NO_ARM.em
  for (let i = 0; i < 40; i++) sums = addValue(sums, 1, 1)
  // Wilson's interval of 40 of 40 ends at 1 / (1 + z^2 / 40), where z is the 97.5 % quantile of Student's t at 39 (tables: 2.0227).
  const { estimate, low, high } = estimateShare(sums)!
  t.strictSame([estimate, high], [1, 1])
  t.ok(Math.abs(low - 1 / (1 + 2.0227 ** 2 / 40)) < 1e-4)
  t.equal(estimateShare(NO_ARM.em), null)
})

t.test('EM is shown only while 95 % of the measured samples are graded', async (t) => {
  let sums = NO_ARM
  const add = (grade: number | null) => {
    const tokens = addValue(sums.tokens, 100, 2)
    sums = { ...sums, tokens, em: grade === null ? sums.em : addValue(sums.em, grade, 2) }
  }
  for (let i = 0; i < 95; i++) add(i % 2)
  for (let i = 0; i < 5; i++) add(null)
  t.equal(estimateEm(sums)!.estimate, 47 / 95)
  add(null)
  t.equal(estimateEm(sums), null)
})

t.test('the interval of EM covers the true one near 1, where control generations have unlike weights', async (t) => {
  const random = mulberry32(11)
  const runs = 1000
  let covered = 0
  for (let run = 0; run < runs; run++) {
    let sums = NO_ARM.em
    for (let i = 0; i < 55; i++) sums = addValue(sums, random() < 0.963 ? 1 : 0, i < 15 ? 1 : 49) // control shares of a half and of 2 %
    const { low, high } = estimateShare(sums)!
    if (low <= 0.963 && high >= 0.963) covered++
  }
  t.ok(covered >= 0.93 * runs, `${covered} of ${runs}`)
})

/** Grades of both arms until a difference is found, looked for after each outcome. @returns generations; Infinity: it is not found */
function untilDifference (seed: number, { lost, share, most }: Readonly<Record<'lost' | 'share' | 'most', number>>): number {
  const random = mulberry32(seed * 7919)
  let arms = NO_ARMS
  for (let i = 1; i <= most; i++) {
    const arm = random() < share ? 'control' : 'treated'
    const em = random() < (arm === 'control' ? 0.7 : 0.7 - lost) ? 1 : 0
    const outcome = { generation_id: `g${i}`, sample_index: null, tokens: 100, full: { exact_match: em } } as const
    arms = addToArm(arms, arm, outcome, 'exact_match', arm === 'control' ? share : undefined)
    if (doArmsDiffer(arms, { max_em_drop: 0.02 })) return i
  }
  return Infinity
}

t.test('arms seem to differ in at most one of a thousand runs where as much is lost as allowed, however often one looks', async (t) => {
  const runs = 100
  const found = Array.from({ length: runs }, (_, seed) => untilDifference(seed, { lost: 0.02, share: 0.2, most: 5000 }))
  t.ok(found.filter(Number.isFinite).length <= atMost(0.001, runs), `${found.filter(Number.isFinite).length}`)
})

t.test('a difference of ten points more than is allowed is found', async (t) => {
  for (const seed of [1, 2, 3]) t.ok(untilDifference(seed, { lost: 0.12, share: 0.2, most: 20_000 }) < 20_000)
})

t.test('a control generation counts for the treated ones of its share, so that a share that falls moves no mean', async (t) => {
  let arms = NO_ARMS
  const outcome = (tokens: number) => ({ generation_id: 'g', sample_index: null, tokens, full: {} })
  for (let i = 0; i < 500; i++) {
    for (const arm of ['control', 'treated'] as const) arms = addToArm(arms, arm, outcome(100), 'exact_match', arm === 'control' ? 0.5 : undefined)
  }
  for (let i = 0; i < 500; i++) {
    const share = i % 10 === 0 ? 0.1 : undefined
    arms = addToArm(arms, share === undefined ? 'treated' : 'control', outcome(200), 'exact_match', share)
  }
  for (const arm of ['control', 'treated'] as const) t.ok(Math.abs(estimateMean(arms[arm].tokens)!.estimate - (500 * 100 + 450 * 200) / 950) < 1e-9, arm)
})

t.test('of a group one sample counts, and of cancelled generations none', async (t) => {
  const of = (changes: object) => addToArm(NO_ARMS, 'treated', { generation_id: 'g', sample_index: 0, tokens: 1, full: {}, ...changes }, 'exact_match').treated.generations
  t.equal(of({}), 1)
  t.equal(of({ sample_index: 1 }), 0)
  t.equal(of({ cancelled: true }), 0)
})
