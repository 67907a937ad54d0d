import t from 'tap'
import { noEvidence } from '../../../src/core/stats/evidence.js'
import { addUnit } from '../../../src/core/stats/evidence-sum.js'
import { DRIFT, NO_DRIFT, watchEvidence } from '../../../src/core/guards/drift.js'
import { numRuns } from '../../property.js'
import { mulberry32 } from '../../random.js'

/** Outcomes until the alarm, or `limit`. */
function runLength (random: () => number, a: number, lostRate: number, gainedRate: number, limit: number): number {
  let drift = NO_DRIFT
  for (let n = 1; n <= limit; n++) {
    const u = random()
    drift = DRIFT.watch(drift, u < lostRate ? 1 : u < lostRate + gainedRate ? -1 : 0, a)
    if (DRIFT.isAlarmed(drift)) return n
  }
  return limit
}

const meanOf = (numbers: number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length

t.test('losses in a row alarm; kept outcomes never do', async (t) => {
  let drift = NO_DRIFT
  let n = 0
  while (!DRIFT.isAlarmed(drift)) { drift = DRIFT.watch(drift, 1, 0.02); n++ }
  t.equal(n, 16, 'the largest bet multiplies by 1.913: 1.913^16 / 3 is the first above 1e4')
  t.notOk(DRIFT.isAlarmed(DRIFT.watch(NO_DRIFT, 0, 0.02, 10_000)))
})

t.test('two losses in a row are a suspicion, which 59 kept outcomes end', async (t) => {
  const one = DRIFT.watch(NO_DRIFT, 1, 0.02)
  const two = DRIFT.watch(one, 1, 0.02)
  t.same([one, two].map((drift) => DRIFT.isSuspected(drift)), [false, true])
  let [kept, drift] = [0, two]
  while (DRIFT.isSuspected(drift, true)) { drift = DRIFT.watch(drift, 0, 0.02); kept++ }
  t.equal(kept, 59)
})

t.test('false alarms: with the drop at exactly max_em_drop, at least 1e4 outcomes lie between them on average', async (t) => {
  for (const gainedRate of [0, 0.05]) {
    const draws = Array.from({ length: numRuns(50, 120) }, (_, i) => mulberry32(1000 + i))
    const runs = draws.map((random) => runLength(random, 0.02, 0.02 + gainedRate, gainedRate, 20_000))
    const mean = meanOf(runs)
    const error = Math.sqrt(meanOf(runs.map((n) => (n - mean) ** 2)) / runs.length)
    t.ok(mean + 3 * error >= 1e4, `gained ${gainedRate}: ${Math.round(mean)} outcomes to a false alarm (counted up to 20,000)`)
  }
})

t.test('a real drift is found within the documented number of control outcomes', async (t) => {
  for (const [drop, most] of [[0.2, 150], [0.1, 400], [0.06, 1200]] as const) {
    const mean = meanOf(Array.from({ length: numRuns(60, 200) }, (_, i) => runLength(mulberry32(i), 0.02, drop, 0, 40_000)))
    t.ok(mean < most, `an EM drop of ${drop} raises the alarm after ${Math.round(mean)} outcomes on average`)
  }
})

t.test('the units of a slice are watched losses first, with those of which nothing is known as gained', async (t) => {
  const unit = (eighths: number) => (
    { tokens: 1, em: 1, labelled: 1, unprobed_generations: 0, eighths: [eighths], stopped_tokens: [1], unprobed: [0] })
  const slice = [0, 8, -8, 3].reduce((sum, d) => addUnit(sum, unit(d)), noEvidence(1))
  const expected = [1, 3 / 8, 0, -1, -1].reduce((drift, d) => DRIFT.watch(drift, d, 0.02), NO_DRIFT)
  t.same(watchEvidence(NO_DRIFT, slice, 0, 0.02, 1), expected)
})
