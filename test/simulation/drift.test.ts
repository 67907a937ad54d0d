import t from 'tap'
import { atMost, rateOf } from '../random.js'
import { isAlarmRaised, runShift, watchSteadyRisk, type Shift, type ShiftOptions } from './drift.js'
import { overconfident, planted, SIXFOLD } from './stream.js'
import { median } from './summary.js'

// Small runs of what `npm run simulations drift` prints. Bounds on rates allow three standard deviations; all draws are seeded.

const SEEDS = [1, 2, 3, 4, 5]

/** A small window, so that half of it is soon full. */
const OLD = { certified: 5000, isOld: true, policy: { evidence_window: 8000 } }

function runAll (options: ShiftOptions): Shift[] {
  return SEEDS.map((seed) => runShift(options, seed)).filter((run): run is Shift => run !== null)
}

t.test('no shift: no alarm in 20,000 control outcomes at half the bound', async (t) => {
  const rate = rateOf(50, (random) => isAlarmRaised(random, 0.01, 0, 20_000))
  t.ok(rate <= atMost(0.001, 50), `${100 * rate} % of 50 runs`)
})

t.test('at exactly the bound an alarm is rare enough: 1e4 outcomes lie between two on average', async (t) => {
  const rate = rateOf(50, (random) => isAlarmRaised(random, 0.02, 0, 20_000))
  t.ok(rate <= 0.1, `${100 * rate} % of 50 runs; the measured rate is 0.3 %`)
})

t.test('the same through the learner: certified, in force for 4000 outcomes, no alarm', async (t) => {
  for (const seed of [1, 2, 3]) {
    const { isAlarmed, isInForce, watched } = watchSteadyRisk(planted(0.005), seed, 4000)
    t.notOk(isAlarmed)
    t.ok(isInForce)
    t.equal(watched, 4000)
  }
})

t.test('0 to 6 %: a young certificate falls by its own counts, one on a long past by the alarm', async (t) => {
  const shift = { before: planted(0), after: planted(0.06), shifted: 30_000 }
  const young = runAll({ ...shift, certified: 3000 })
  t.equal(young.length, SEEDS.length, 'all were certified before')
  t.ok(young.every(({ savedAfter }) => savedAfter === 0), 'all are taken back')
  t.ok(median(young.map(({ safe }) => safe.controls)) < 150, `${median(young.map(({ safe }) => safe.controls))} control outcomes`)

  const old = runAll({ ...shift, ...OLD })
  t.equal(old.length, SEEDS.length)
  t.ok(old.every(({ alarm }) => alarm.generations < 30_000), 'all alarm')
  t.ok(old.every(({ relearned, savedAfter }) => relearned.generations === Infinity && savedAfter === 0), 'and nothing is certified again')
  const controls = median(old.map(({ alarm }) => alarm.controls))
  const generations = median(old.map(({ alarm }) => alarm.generations))
  t.ok(controls < 1000, `${controls} control outcomes`)
  t.ok(generations < controls / 0.05, `${generations} generations: the share does not stay at its floor of 2 % while the suspicion grows`)
  t.ok(old.every(({ alarm }) => alarm.lost <= 0.06 * alarm.generations))
})

t.test('relearning: after the alarm a safer threshold is certified, and saves again', async (t) => {
  const runs = runAll({ before: overconfident(0), after: overconfident(SIXFOLD), shifted: 9000, ...OLD })
  const again = runs.filter(({ relearned }) => relearned.generations < Infinity)
  t.ok(again.length >= runs.length - 2, `${again.length} of ${runs.length}`)
  for (const { alarm, relearned, savedBefore, savedAfter } of again) {
    t.ok(relearned.controls - alarm.controls >= 224, 'not before the lossless count')
    t.ok(savedAfter > savedBefore / 2, `${savedBefore} before, ${savedAfter} after`)
  }
})
