import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { logEvidence } from '../../../src/core/stats/certificate.js'
import { emDropInterval as intervalOf } from '../../../src/core/stats/em-drop-interval.js'
import { holds, numRuns } from '../../property.js'
import { atMost, rateOf } from '../../random.js'

const emDropInterval = (generations: number, lost: number, gained: number, level: number) =>
  intervalOf({ lost, kept: generations - lost - gained, gained }, level)

t.test('the EM drop interval contains the drop seen, narrows with evidence, and is symmetric', async (t) => {
  t.strictSame(emDropInterval(0, 0, 0, 0.05), { low: -1, high: 1 })
  const counts = fc.tuple(fc.nat({ max: 3000 }), fc.nat({ max: 200 }), fc.nat({ max: 200 }))
  holds(t, fc.property(counts, ([kept, lost, gained]) => {
    const n = kept + lost + gained
    const { low, high } = emDropInterval(n, lost, gained, 0.05)
    assert.ok(low <= (lost - gained) / Math.max(1, n) && high >= (lost - gained) / Math.max(1, n))
    const mirror = emDropInterval(n, gained, lost, 0.05)
    assert.ok(Math.abs(mirror.low + high) < 1e-9 && Math.abs(mirror.high + low) < 1e-9)
    const more = emDropInterval(10 * n, 10 * lost, 10 * gained, 0.05)
    if (n > 20) assert.ok(more.high - more.low < high - low)
  }), 60)
})

t.test('the upper end is where the certificate passes: 186 lossless generations exclude 2 % at 0.05', async (t) => {
  t.ok(emDropInterval(186, 0, 0, 0.1).high <= 0.02)
  t.ok(emDropInterval(185, 0, 0, 0.1).high > 0.02)
})

t.test('the interval misses the true drop in at most `level` of the runs, looking after every 20 outcomes', async (t) => {
  const runs = numRuns(120, 300)
  const misses = rateOf(runs, (random) => {
    let [lost, gained] = [0, 0]
    for (let n = 1; n <= 2000; n++) {
      const u = random()
      if (u < 0.05) lost++; else if (u < 0.08) gained++
      if (n % 20 > 0) continue
      const { low, high } = emDropInterval(n, lost, gained, 0.1)
      if (low > 0.02 || high < 0.02) return true
    }
    return false
  })
  t.ok(misses <= atMost(0.1, runs), `${(100 * misses).toFixed(1)} % of ${runs} runs`)
})

t.test('each end is refuted and nothing inside is, for fractional counts too', async (t) => {
  const count = fc.oneof(fc.constant(0), fc.nat({ max: 300 }), fc.double({ min: 0, max: 1e6, noNaN: true }))
  const level = fc.constantFrom(1e-6, 0.01, 0.05, 0.5)
  holds(t, fc.property(count, count, count, level, (kept, lost, gained, level) => {
    const bar = Math.log(2 / level)
    const { low, high } = emDropInterval(kept + lost + gained, lost, gained, level)
    for (const [end, worse, better] of [[high, lost, gained], [-low, gained, lost]] as const) {
      assert.ok(end > -1 && end <= 1)
      const rest = kept + lost + gained - lost - gained
      const slack = 1e-9 * (1 + kept + lost + gained) // the certificate's own rounding
      if (end < 1) assert.ok(logEvidence(end, { lost: worse, kept: rest, gained: better }) >= bar - slack, `${end} is not refuted`)
      const inside = end - 2e-6
      if (inside > -1) assert.ok(logEvidence(inside, { lost: worse, kept: rest, gained: better }) < bar + slack, `${inside} is refuted`)
    }
  }), 300)
})

t.test('the upper end is 1 if almost all units are losses', async (t) => {
  for (const n of [1, 300, 1e6]) {
    t.strictSame(emDropInterval(n, n, 0, 0.05).high, 1)
    t.ok(emDropInterval(n, n * (1 - 2 ** -50), 0, 0.05).high > 1 - 2e-4)
    t.ok(emDropInterval(n, 0, n, 0.05).high < 1)
  }
})

t.test('the search ends within -1 and 1 for any input', async (t) => {
  t.strictSame(emDropInterval(100, 1, 1, NaN), { low: -1, high: 1 })
  t.strictSame(emDropInterval(100, 1, 1, -1), { low: -1, high: 1 })
  t.strictSame(emDropInterval(100, NaN, 1, 0.05), { low: -1, high: 1 })
  t.strictSame(emDropInterval(Infinity, 1, 1, 0.05), { low: -1, high: 1 })
  t.ok(emDropInterval(114, 113, 0, 0.036954541125838326).high > 0.999, 'refuted by a hair where no more is looked for')
  const number = fc.oneof(fc.nat({ max: 100 }), fc.double(), fc.constantFrom(-5, 1e300, 5e-324))
  holds(t, fc.property(number, number, number, number, (generations, lost, gained, level) => {
    const { low, high } = emDropInterval(generations, lost, gained, level)
    assert.ok(low >= -1 && low <= high && high <= 1, `${low} to ${high}`)
  }), 2000)
})

t.test('groups that lost or gained a part count by their share', async (t) => {
  const whole = intervalOf({ lost: 10, kept: 990, gained: 0 }, 0.05)
  const parted = intervalOf({ lost: 0, kept: 980, gained: 0, partial: [[4, 20]] }, 0.05)
  t.ok(parted.low < 0.01 && parted.high > 0.01, 'the same mean')
  t.ok(parted.high - parted.low < whole.high - whole.low, 'but it varies less')
  const eighths = intervalOf({ lost: 0, kept: 990, gained: 0, partial: [[8, 10]] }, 0.05)
  t.ok(Math.abs(eighths.low - whole.low) < 1e-5 && Math.abs(eighths.high - whole.high) < 1e-5, 'eight eighths are a whole')
})
