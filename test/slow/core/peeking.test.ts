import t from 'tap'
import { reaches } from '../../../src/core/stats/certificate.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { atMost, rateOf } from '../../random.js'
import { cachedReaches } from '../../core/stats/cached-reaches.js'
import { memoryFold, outcomeOf, SURE_STEP } from '../../core/learn/memory-fold.js'

// The chance that a false certificate is ever issued is at most error_level, whenever one looks (docs/concepts/certificate.md). Here one
// looks after every outcome. Bounds on simulated rates allow three standard deviations (binomial); all draws are seeded.

const A = 0.02
const LEVEL = 0.05
const BAR = Math.log(1 / LEVEL)
const OUTCOMES = 5000

const reachesWithoutGains = cachedReaches(A, BAR, OUTCOMES)

/** Whether a threshold that loses and gains at these rates is certified at any of 5,000 looks. */
function everCertified (random: () => number, lostRate: number, gainedRate: number): boolean {
  let [lost, gained] = [0, 0]
  for (let generations = 1; generations <= OUTCOMES; generations++) {
    const u = random()
    if (u < lostRate) lost++; else if (u < lostRate + gainedRate) gained++
    const kept = generations - lost - gained
    if (gained === 0 ? reachesWithoutGains(lost, kept) : reaches(A, { lost, kept, gained }, BAR)) return true
  }
  return false
}

/** For each n, the most losses at which the exact binomial test of "the loss rate is at least a" rejects at the level; -1 for none. */
function binomialLimits (a: number, level: number): number[] {
  const limits = [-1]
  let pmf = [1] // of the losses among n
  for (let n = 1; n <= OUTCOMES; n++) {
    pmf = Array.from({ length: Math.min(n + 1, 200) }, (_, j) => (pmf[j] ?? 0) * (1 - a) + (pmf[j - 1] ?? 0) * a)
    let limit = -1
    for (let tail = pmf[0]!; tail <= level; tail += pmf[++limit + 1]!);
    limits.push(limit)
  }
  return limits
}

t.test('looked at after every outcome, a threshold just above max_em_drop is certified in at most error_level of the runs', async (t) => {
  const runs = 1500
  for (const [name, lost, gained] of [
    ['losses only, the drop exactly at the tolerance', A, 0],
    ['losses only, just above', A + 0.001, 0],
    ['losses and gains, just above', A + 0.011, 0.01],
    ['many losses and gains, exactly at it', A + 0.2, 0.2],
  ] as const) {
    const rate = rateOf(runs, (random) => everCertified(random, lost, gained))
    t.ok(rate <= atMost(LEVEL, runs), `${name}: ${(100 * rate).toFixed(1)} % of ${runs} runs; at most ${(100 * atMost(LEVEL, runs)).toFixed(1)} % may`)
    t.ok(rate > 0, `${name}: some runs come that far, or the bound would say nothing`)
  }
})

t.test('the test has power: half the tolerance is certified in nearly every run', async (t) => {
  const rate = rateOf(200, (random) => everCertified(random, A / 2, 0))
  t.ok(rate > 0.95, `${100 * rate} % of 200 runs`)
})

t.test('must never: a fixed-n test re-run under peeking. The exact binomial one, valid at any one n, is wrong in many more runs', async (t) => {
  const runs = 1000
  const limits = binomialLimits(A, LEVEL)
  t.equal(limits.indexOf(0), 149, '(1 - 0.02)^149 is the first below 0.05')
  const lossesOf = (random: () => number, look: (n: number, lost: number) => boolean) => {
    for (let n = 1, lost = 0; n <= OUTCOMES; n++) {
      if (random() < A) lost++
      if (look(n, lost)) return true
    }
    return false
  }
  const once = rateOf(runs, (random) => lossesOf(random, (n, lost) => n === OUTCOMES && lost <= limits[n]!))
  const peeking = rateOf(runs, (random) => lossesOf(random, (n, lost) => lost <= limits[n]!))
  t.ok(once <= atMost(LEVEL, runs), `looked at once: ${(100 * once).toFixed(1)} %`)
  t.ok(peeking > 4 * LEVEL, `looked at after every outcome: ${(100 * peeking).toFixed(1)} %`)
})

t.test('the same end to end: applyEntry() over a whole grid, the learner looking after every outcome', async (t) => {
  const runs = 100
  const unsafe = 15 // thresholds from here on stop at the first step, whose answer is wrong a little too often
  let lossless = 0
  const rate = rateOf(runs, (random) => {
    const fold = memoryFold({}, { levels: [] })
    let best = -1
    for (let i = 0; i < 2500; i++) {
      const isLost = random() < A + 0.001
      fold.learn(outcomeOf({ context: {}, steps: [{ tokens: 10, confidence: GRID[unsafe]!, exact_match: isLost ? 0 : 1 }, SURE_STEP] }))
      best = Math.max(best, fold.state('*').rule.index)
    }
    if (fold.state('*').rule.index >= unsafe - 1) lossless++
    return best >= unsafe
  })
  t.ok(rate <= atMost(LEVEL, runs), `${(100 * rate).toFixed(1)} % of ${runs} runs ever had a threshold that loses too much in force`)
  t.equal(lossless, runs, 'and all of them had the last safe one')
})
