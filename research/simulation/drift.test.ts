import t from 'tap'
import { FIRST } from '../../test/core/learn/memory-fold.js'
import { numRuns } from '../../test/property.js'
import { atMost, rateOf } from '../../test/random.js'
import { isAlarmRaised, runShift, watchSteadyRisk, type Shift, type ShiftOptions } from '../../test/simulation/drift.js'
import { overconfident, planted, SIX_POINTS } from '../../test/simulation/stream.js'
import { median } from './summary.js'

// Small runs of what `npm run simulations drift` prints. Bounds on rates allow three standard deviations; all draws are seeded.

const SEEDS = Array.from({ length: numRuns(2, 5) }, (_, i) => i + 1)

function runAll (options: ShiftOptions): Shift[] {
  return SEEDS.map((seed) => runShift(options, seed)).filter((run): run is Shift => run !== null)
}

t.test('a drop of half the bound raises no alarm in 20,000 control outcomes', async (t) => {
  const rate = rateOf(50, (random) => isAlarmRaised(random, 0.01, 0, 20_000))
  t.ok(rate <= atMost(0.001, 50), `${100 * rate} % of 50 runs`)
})

t.test('a drop equal to the bound raises an alarm at most once in 10,000 outcomes on average', async (t) => {
  const rate = rateOf(50, (random) => isAlarmRaised(random, 0.02, 0, 20_000))
  t.ok(rate <= 0.1, `${100 * rate} % of 50 runs; the measured rate is 0.3 %`)
})

t.test('the learner keeps a certificate for 4,000 outcomes at a steady risk, without an alarm', async (t) => {
  for (const seed of SEEDS.slice(0, numRuns(1, 3))) {
    const { isAlarmed, isInForce, watched } = watchSteadyRisk(planted(0.005), seed, 4000)
    t.notOk(isAlarmed)
    t.ok(isInForce)
    t.equal(watched, 4000)
  }
})

t.test('after a shift from 0 to 6 % the alarm withdraws the certificate', async (t) => {
  const runs = runAll({ before: planted(0), after: planted(0.06), certified: 3000, shifted: 30_000 })
  t.equal(runs.length, SEEDS.length, 'all were certified before')
  t.ok(runs.every(({ alarm, moved }) => alarm.generations < 30_000 && moved.generations === alarm.generations), 'only the alarm moves the threshold')
  t.ok(runs.every(({ relearned, savedAfter }) => relearned.generations === Infinity && savedAfter === 0), 'nothing is certified again')
  const controls = median(runs.map(({ alarm }) => alarm.controls))
  const generations = median(runs.map(({ alarm }) => alarm.generations))
  t.ok(controls < 1000, `${controls} control outcomes`)
  t.ok(generations < controls / 0.05, `${generations} generations: the control share rises above its floor of 2 % with the suspicion`)
  t.ok(runs.every(({ alarm }) => alarm.lost <= 0.06 * alarm.generations))
})

t.test('after the alarm a safer threshold is certified and saves tokens again', async (t) => {
  const runs = runAll({ before: overconfident(0), after: overconfident(SIX_POINTS), certified: 12_000, shifted: 20_000 })
  const again = runs.filter(({ relearned }) => relearned.generations < Infinity)
  t.ok(again.length >= 0.6 * SEEDS.length, `${again.length} of ${runs.length}`)
  for (const { alarm, relearned, savedBefore, savedAfter } of again) {
    t.ok(relearned.controls - alarm.controls >= FIRST, 'no sooner than a lossless certificate')
    t.ok(savedAfter > savedBefore / 3, `${savedBefore} before, ${savedAfter} after`)
  }
})
