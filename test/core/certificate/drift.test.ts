import fc from 'fast-check'
import t from 'tap'
import { noEvidence } from '../../../src/core/certificate/evidence.js'
import { addUnit } from '../../../src/core/certificate/evidence-sum.js'
import { hasDrifted, NO_DRIFT, suspicion, watchDrift, watchEvidence, type Drift } from '../../../src/core/certificate/drift.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'

/** Outcomes until the alarm, or `limit`. */
function runLength (random: () => number, a: number, lostRate: number, gainedRate: number, limit: number): number {
  let drift: Drift = NO_DRIFT
  for (let n = 1; n <= limit; n++) {
    const u = random()
    drift = watchDrift(drift, u < lostRate ? 1 : u < lostRate + gainedRate ? -1 : 0, a)
    if (hasDrifted(drift)) return n
  }
  return limit
}

const meanOf = (numbers: number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length

t.test('M = max(M, 1) (1 + b (delta - a)) for b in {0.25, 0.5, 0.95}/(1 + a)', async (t) => {
  const a = 0.02
  const expected = [0.25, 0.5, 0.95].map((b) => b / (1 + a))
  const close = (found: Drift, wanted: number[], name: string) =>
    t.ok(found.every((m, i) => Math.abs(m - wanted[i]!) < 1e-12 * wanted[i]!), `${name}: ${found}`)
  const lost = watchDrift(NO_DRIFT, 1, a)
  close(lost, expected.map((b) => 1 + b * 0.98), 'one lost')
  close(watchDrift(lost, 1, a), expected.map((b) => (1 + b * 0.98) ** 2), 'two lost')
  const gained = watchDrift(NO_DRIFT, -1, a)
  close(gained, expected.map((b) => 1 - b * 1.02), 'one gained')
  t.ok(gained.every((m) => m > 0), 'never negative')
  close(watchDrift(gained, 0, a), expected.map((b) => 1 - b * 0.02), 'what was won before is no credit: M starts again from 1')
})

t.test('drift is declared when the mean reaches 1e4', async (t) => {
  t.notOk(hasDrifted([1, 1, 29_997]))
  t.ok(hasDrifted([1, 1, 29_998]))
  t.notOk(hasDrifted(NO_DRIFT))
})

t.test('suspicion is the mean M, never below 1', async (t) => {
  t.equal(suspicion(NO_DRIFT), 1)
  t.equal(suspicion([0.2, 0.4, 0.6]), 1)
  t.equal(suspicion([1, 2, 6]), 3)
})

t.test('losses in a row alarm; kept outcomes never do', async (t) => {
  let drift: Drift = NO_DRIFT
  let n = 0
  while (!hasDrifted(drift)) { drift = watchDrift(drift, 1, 0.02); n++ }
  t.equal(n, 16, 'the largest bet multiplies by 1.913: 1.913^16 / 3 is the first above 1e4')
  drift = NO_DRIFT
  for (let i = 0; i < 10_000; i++) drift = watchDrift(drift, 0, 0.02)
  t.notOk(hasDrifted(drift))
})

t.test('false alarms: with the drop at exactly max_em_drop, at least 1e4 outcomes lie between them on average', async (t) => {
  for (const gainedRate of [0, 0.05]) {
    const runs = Array.from({ length: 120 }, (_, i) => runLength(mulberry32(1000 + i), 0.02, 0.02 + gainedRate, gainedRate, 20_000))
    const mean = meanOf(runs)
    const error = Math.sqrt(meanOf(runs.map((n) => (n - mean) ** 2)) / runs.length)
    t.ok(mean + 3 * error >= 1e4, `gained ${gainedRate}: ${Math.round(mean)} outcomes to a false alarm (counted up to 20,000)`)
  }
})

t.test('a real drift is found within the documented number of control outcomes', async (t) => {
  for (const [drop, most] of [[0.2, 150], [0.1, 400], [0.06, 1200]] as const) {
    const mean = meanOf(Array.from({ length: 200 }, (_, i) => runLength(mulberry32(i), 0.02, drop, 0, 40_000)))
    t.ok(mean < most, `an EM drop of ${drop} raises the alarm after ${Math.round(mean)} outcomes on average`)
  }
})

t.test('a slice is watched no higher than in any order of its units', async (t) => {
  const unit = (eighths: number) => (
    { tokens: 1, em: 1, labelled: 1, unprobed_generations: 0, eighths: [eighths], stopped_tokens: [1], unprobed: [0] })
  const drifts = fc.tuple(...NO_DRIFT.map(() => fc.double({ min: 0.1, max: 1e3, noNaN: true })))
  const eighths = fc.oneof(fc.constantFrom(0, 8, -8), fc.integer({ min: -8, max: 8 }))
  const bound = fc.double({ min: 0.001, max: 0.2, noNaN: true })
  holds(t, fc.property(drifts, fc.array(eighths, { minLength: 1, maxLength: 20 }), bound, (drift, units, a) => {
    const slice = units.reduce((sum, d) => addUnit(sum, unit(d)), noEvidence(1))
    const watched = watchEvidence(drift, slice, 0, a)
    const inOrder = units.reduce<Drift>((drift, d) => watchDrift(drift, d / 8, a), drift)
    return watched.every((m, i) => m <= inOrder[i]! * (1 + 1e-9))
  }), 1000)
})
