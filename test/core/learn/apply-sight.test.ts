import t from 'tap'
import type { Test } from 'tap'
import { isBlind } from '../../../src/core/guards/sight.js'
import { isExpiryDue } from '../../../src/core/learn/apply-time.js'
import { thresholdInForce } from '../../../src/core/learn/threshold-in-force.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { certifiedFold, certifiedPool, type EnrolledFold, FOLLOW_UP, kind, POOL } from './enrolled-fold.js'
import { LEAF, SURE_STEP } from './memory-fold.js'

const HALF_AN_HOUR = 1_800_000
/** Units below the share after a certificate. */
const unitsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => (first + i + 0.5) / 100_000)
const CONTROL: Partial<LoggedOutcome> = { arm: 'control' }
const STOP: Partial<LoggedOutcome> = { arm: 'treated', stopped: true, tokens: 50, steps: null, stopped_probe: { tokens: 40, exact_match: 1, agreement: 1 } }
const { stopped_probe: _, ...UNPROBED } = STOP

type Certified = EnrolledFold & { readonly time: number }

/** Enrols control units, and reports them if told. @returns the time after it */
function run (fold: EnrolledFold, us: readonly number[], time: number, changes: Partial<LoggedOutcome> | null = CONTROL): number {
  fold.enrol(us, time)
  if (changes !== null) for (const u of us) fold.report(u, time, changes)
  return time + 1000
}

/** Checks that the threshold of the leaf is suspended since the last change, or is in force. */
function checkSuspended (t: Test, fold: Certified, isSuspended: boolean, name = ''): void {
  const { threshold, isSuspended: seen, guarantee } = thresholdInForce(fold, LEAF, fold.time)
  const certified = fold.state().rule.threshold
  t.not(certified, null, 'the certificate stays')
  t.same([threshold, seen, guarantee], [isSuspended ? null : certified, isSuspended, null], name)
}

t.test('law 2: units whose list came too late suspend the threshold, which returns when lists come in time', async (t) => {
  const fold = certifiedFold()
  fold.enrol(unitsFrom(0, 63), fold.time, { age: 10_001 })
  checkSuspended(t, fold, false)
  fold.enrol(unitsFrom(63, 1), fold.time, { age: 10_001 })
  checkSuspended(t, fold, true)
  const { rule: { threshold }, epoch: { number: epoch } } = fold.state()
  t.match(fold.changes.at(-1), { key: LEAF, cause: 'suspended', epoch, before: threshold, after: null })
  run(fold, unitsFrom(100, 96), fold.time)
  checkSuspended(t, fold, false, 'three quarters of the newest are seen')
  t.match(fold.changes.at(-1), { cause: 'resumed', epoch, before: null, after: threshold })
})

t.test('law 2: units without an entry suspend the threshold once their wait is over', async (t) => {
  const fold = certifiedFold()
  for (const u of unitsFrom(0, 64)) fold.report(u, fold.time, CONTROL)
  fold.pass(fold.time, fold.time + 11_000)
  checkSuspended(t, fold, false)
  fold.pass(fold.time + 12_000, fold.time + 13_000)
  checkSuspended(t, fold, true)
})

t.test('law 2: units that go missing suspend the threshold after their follow-up', async (t) => {
  const fold = certifiedFold()
  run(fold, unitsFrom(0, 64), fold.time, null)
  fold.pass(fold.time + 1000, fold.time + FOLLOW_UP - 1000)
  checkSuspended(t, fold, false, 'they are not due')
  fold.pass(fold.time + FOLLOW_UP, fold.time + FOLLOW_UP + 1000)
  checkSuspended(t, fold, true)
})

t.test('law 2: outcomes without steps, and those of generations that were stopped, come to nothing', async (t) => {
  for (const changes of [{ steps: null }, { steps_complete: false }, STOP]) {
    const fold = certifiedFold()
    run(fold, unitsFrom(0, 64), fold.time, { ...CONTROL, ...changes })
    checkSuspended(t, fold, true, JSON.stringify(changes))
  }
})

t.test('law 2: silence is not blindness, and a generation that its client cancelled is not due', async (t) => {
  const fold = certifiedFold()
  fold.pass(fold.time, fold.time + 2 * FOLLOW_UP)
  run(fold, unitsFrom(0, 200), fold.time + 2 * FOLLOW_UP, { ...CONTROL, cancelled: true })
  checkSuspended(t, fold, false)
  t.equal(fold.state().guards.sight.units.nothing, 0)
})

t.test('a group counts once, and came to nothing if none of its samples is known', async (t) => {
  const fold = certifiedFold()
  const [lost, half] = unitsFrom(0, 2)
  fold.enrol([lost!, half!], fold.time)
  const sample = (u: number, sample_index: number, changes: Partial<LoggedOutcome> = {}) =>
    fold.report(u, fold.time, { ...CONTROL, generation_id: `${u}/${sample_index}`, samples: 2, sample_index, ...changes })
  for (const index of [0, 1]) sample(lost!, index, { steps: null })
  sample(half!, 0, { steps: null })
  sample(half!, 1)
  t.match(fold.state().guards.sight.units, { nothing: 1 })
  const [unlisted] = unitsFrom(5, 1)
  for (const index of [0, 1]) sample(unlisted!, index)
  fold.pass(fold.time + 1000, fold.time + 13_000)
  t.match(fold.state().guards.sight.units, { nothing: 2 }, 'nor does one without an entry count for each sample')
})

t.test('law 2: while a threshold is suspended more control generations are drawn, and drift is found as ever', async (t) => {
  const blind = certifiedFold()
  blind.enrol(unitsFrom(0, 64), blind.time, { age: 10_001 })
  t.match(blind.state(), { rule: { control_share: 0.2 }, guards: { is_suspected: true } })
  const seeing = certifiedFold()
  t.match(seeing.state(), { rule: { control_share: 0.02 }, guards: { is_suspected: false } })
  const lostUntilDrift = (fold: Certified) => {
    let [time, lost] = [fold.time + 1000, 0]
    while (fold.state().epoch.number === 1) {
      time = run(fold, unitsFrom(1000 + lost, 8), time, { ...CONTROL, steps: [{ ...SURE_STEP, exact_match: 0 }] })
      fold.pass(time, time += 11_000)
      lost += 8
    }
    t.match(fold.changes.at(-1), { cause: 'drift' })
    return lost
  }
  t.equal(lostUntilDrift(blind), lostUntilDrift(seeing))
})

t.test('law 2: refused stops suspend the threshold, which returns half an hour after the last stop', async (t) => {
  const fold = certifiedFold()
  const refuse = (count: number, time: number) => fold.append({ type: 'refused_stops', stops: [[LEAF, count], ['model=gone,task=x', 1]] }, time)
  refuse(63, fold.time)
  checkSuspended(t, fold, false)
  refuse(100, fold.time + 1000)
  checkSuspended(t, fold, true)
  t.match(fold.state().guards.stops, { refused: 163 })
  t.equal(fold.states.get('model=gone,task=x'), undefined)
  fold.report(0.7, fold.time + 2000, STOP)
  const back = fold.time + 2000 + HALF_AN_HOUR
  t.notOk(isExpiryDue(fold, back - 1))
  t.ok(isExpiryDue(fold, back), 'the learner lets time pass in a quiet service')
  fold.append({ type: 'tick' }, back)
  checkSuspended(t, fold, false)
  t.match(fold.changes.map(({ cause }) => cause).slice(-2), ['suspended', 'resumed'])
  refuse(1, back + 1)
  checkSuspended(t, fold, true, 'one more refused stop suspends it again')
})

t.test('law 2: a stop that has nothing to compare is as good as refused', async (t) => {
  const fold = certifiedFold()
  for (let i = 0; i < 64; i++) fold.report(0.5 + i / 1000, fold.time, STOP)
  checkSuspended(t, fold, false)
  for (let i = 0; i < 64; i++) fold.report(0.7 + i / 1000, fold.time, UNPROBED)
  checkSuspended(t, fold, true)
  t.match(fold.state().guards.stops, { refused: 64 })
})

t.test('a pin is not suspended, and notes nothing', async (t) => {
  const fold = certifiedFold()
  fold.append({ type: 'pin', key: LEAF, pin: { threshold: 0.9, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }, fold.time)
  const { length } = fold.changes
  fold.append({ type: 'refused_stops', stops: [[LEAF, 64]] }, fold.time)
  t.ok(isBlind(fold.state().guards.sight))
  t.match(thresholdInForce(fold, LEAF, fold.time), { threshold: 0.9, isSuspended: false })
  t.equal(fold.changes.length, length)
})

t.test('a pool is suspended with its members', async (t) => {
  const fold = certifiedPool()
  const leaf = 'model=q,task=kind'
  t.not(thresholdInForce(fold, leaf, fold.time).threshold, null)
  fold.enrol(unitsFrom(0, 64), fold.time, { key: POOL, age: 10_001 })
  t.match(thresholdInForce(fold, leaf, fold.time), { threshold: null, isSuspended: true, scope: 'none' })
  fold.enrol(unitsFrom(100, 96), fold.time, { key: POOL })
  for (const u of unitsFrom(100, 96)) fold.report(u, fold.time, { ...CONTROL, ...kind })
  t.match(thresholdInForce(fold, leaf, fold.time), { isSuspended: false, scope: 'pool' })
})

t.test('an epoch begins with sight', async (t) => {
  const fold = certifiedFold()
  fold.append({ type: 'refused_stops', stops: [[LEAF, 64]] }, fold.time)
  fold.append({ type: 'reset', key: LEAF, by: 'ops', reason: 'r' }, fold.time)
  t.notOk(isBlind(fold.state().guards.sight))
})
