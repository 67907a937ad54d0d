import t from 'tap'
import { longLose, poisson, steady, type Traffic } from './arrivals.js'
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
  const shift = runShift({ before: planted(0), after: planted(0.1), certified: 3000, shifted: 3000 }, 1)
  t.ok(shift !== null && shift.alarm.generations < 3000 && shift.moved.generations === shift.alarm.generations, 'the alarm moves the threshold')
  t.ok(shift!.alarm.controls < 600, `after ${shift!.alarm.controls} control outcomes`)
})

t.test('late labels: a loss is suspected before any label can show it, and not without one', async (t) => {
  const [shift, delay] = [500, 200]
  const losing = (after: number): Traffic => (random) => poisson(random, () => 16, shift + delay, 16).map((start) => {
    const generation = longLose(random, start < shift ? 0 : after, start)
    return { ...generation, isOtherAnswer: random() < 0.05 && !generation.isLost, labelAfter: delay }
  })
  const suspicionsAfter = (loss: number) => {
    const policy = { evidence_span_seconds: 0, follow_up_seconds: 240 }
    const world = { traffic: losing(loss), policy, looksEverySecond: true, hasStoppedProbes: true, until: shift + delay }
    const { certifiedAt, suspicions } = play(world, 0, 1)
    t.ok(certifiedAt! < shift)
    return suspicions.filter(({ at }) => at >= shift && at < shift + delay).length
  }
  t.equal(suspicionsAfter(0.3), 1)
  t.equal(suspicionsAfter(0), 0)
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
