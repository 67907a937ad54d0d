import t from 'tap'
import { steady } from './arrivals.js'
import { serveUnrepaired, stopsByFidelity } from './breach.js'
import { runShift, watchSteadyRisk } from './drift.js'
import { certifiedOf, play } from './enrolment.js'
import { planted } from './stream.js'

// One seeded simulation of each guard, through the real decisions and the real learner. research/simulation measures their power.

t.test('a loss of twice the bound is not certified, and no loss is certified within two minutes', async (t) => {
  t.equal(play({ traffic: steady() }, 0.04, 1).certifiedAt, null)
  const { certified, seconds } = certifiedOf({ traffic: steady() }, 0, 2)
  t.equal(certified, 2)
  t.ok(seconds.every((one) => one < 130), `${seconds.join()} s`)
})

t.test('drift: a shift withdraws the certificate, which a steady risk of a quarter of the bound keeps', async (t) => {
  const { isAlarmed, isInForce } = watchSteadyRisk(planted(0.005), 1, 1500)
  t.notOk(isAlarmed)
  t.ok(isInForce)
  const shift = runShift({ before: planted(0), after: planted(0.1), certified: 3000, shifted: 15_000 }, 1)
  t.ok(shift !== null && shift.alarm.generations < 15_000 && shift.moved.generations === shift.alarm.generations, 'the alarm moves the threshold')
  t.ok(shift!.alarm.controls < 600, `after ${shift!.alarm.controls} control outcomes`)
})

t.test('breach: stops that lose answers that their probes kept are found, with labels and under agreement', async (t) => {
  for (const label of ['exact_match', 'agreement'] as const) {
    for (const [loss, most] of [[0.03, 2500], [0.1, 500], [0.3, 150]] as const) {
      t.ok(stopsByFidelity({ em: 0.9, loss, seed: 1, most }, label) <= most, `${100 * loss} points, ${label}`)
    }
  }
})

t.test('hold: a worker that is never repaired is stopped seldom, and breached at most three times', async (t) => {
  const { breaches } = serveUnrepaired(1, false, 8000)
  t.ok(breaches > 0 && breaches <= 3, `${breaches} breaches`)
})
