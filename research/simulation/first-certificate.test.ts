import t from 'tap'
import { numRuns } from '../../test/property.js'
import { rollouts, steady } from '../../test/simulation/arrivals.js'
import { certifiedOf } from '../../test/simulation/enrolment.js'
import { PATTERNS } from './patterns.js'
import { silent } from '../../test/simulation/mishaps.js'
import { median } from './summary.js'

// The time to the first certificate at a bound of 2 points, where stopping loses nothing.

const RUNS = numRuns(1, 3)
const patternNamed = (name: string) => PATTERNS.find((pattern) => pattern.name === name)!

function secondsOf (name: string): number {
  const { certified, seconds } = certifiedOf(patternNamed(name), 0, RUNS)
  return certified === RUNS ? median(seconds) : Infinity
}

t.test('generations of 2.4 to 60 s at four a second are certified after about 110 s', async (t) => {
  const runs = numRuns(5, 20)
  const { certified, seconds } = certifiedOf({ traffic: steady() }, 0, runs)
  t.equal(certified, runs)
  t.ok(median(seconds) > 100 && median(seconds) < 120, `${median(seconds)} s`)
})

t.test('a first certificate takes little longer if 0.2 % never report', async (t) => {
  const { certified, seconds } = certifiedOf({ traffic: silent(steady(), 0.002, 'independent') }, 0, 10)
  t.equal(certified, 10)
  t.ok(median(seconds) < 130, `a median of ${median(seconds)} s`)
  t.ok(seconds.at(-2)! < 200, `nine of ten within ${seconds.at(-2)} s`)
})

t.test('a first certificate comes within ten minutes if 1 % never report', async (t) => {
  const { certified, seconds } = certifiedOf({ traffic: silent(steady(undefined, 1200), 0.01, 'independent') }, 0, 5)
  t.ok(certified >= 4, `${certified} of 5 within 20 minutes`)
  t.ok(median(seconds) < 600, `a median of ${median(seconds)} s`)
})

t.test('one rollout of 300 is enough for a certificate', async (t) => {
  const { certified, seconds } = certifiedOf({ traffic: rollouts }, 0, RUNS)
  t.equal(certified, RUNS)
  t.ok(median(seconds) < 66, `${median(seconds)} s`)
})

t.test('other arrivals hardly delay the first certificate', async (t) => {
  for (const [name, atMost] of [
    ['a quiet minute, then a burst of 350', 125], ['ramps that double every half second', 70], ['a closed loop of 100 slots', 120],
    ['three replicas, one 4 s behind', 120], ['labels of lost ones are slow', 120], ['40 % labelled, answers compared', 120],
    ['40 % cancelled', 160], ['groups of 8', 120], ['a pool of 20 contexts', 120],
  ] as const) t.ok(secondsOf(name) < atMost, `${name}: ${secondsOf(name)} s`)
})
