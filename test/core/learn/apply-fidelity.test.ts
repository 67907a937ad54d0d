import t from 'tap'
import { NO_ARMS } from '../../../src/core/guards/arms.js'
import { NO_FIDELITY } from '../../../src/core/guards/fidelity.js'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { isExpiryDue } from '../../../src/core/learn/apply-time.js'
import { thresholdInForce } from '../../../src/core/learn/threshold-in-force.js'
import { certifiedFold as certifiedNow, type EnrolledFold, FOLLOW_UP } from './enrolled-fold.js'
import { CHAIN, FIRST, KEPT, LEAF, LOST, memoryFold, type MemoryFold, outcomeOf } from './memory-fold.js'

const PROBE = { tokens: 40, exact_match: 1 } as const

/** A stop that served the probed answer. */
const FAITHFUL: Partial<LoggedOutcome> = { arm: 'treated', stopped: true, tokens: 50, steps: null, stopped_probe: { ...PROBE, agreement: 1 } }
/** A stop whose probe was right and whose served answer is wrong. */
const LOSSY: Partial<LoggedOutcome> = { ...FAITHFUL, full: { exact_match: 0 }, stopped_probe: { ...PROBE, agreement: 0 } }
/** A stop whose answers differ, and that has no label. */
const OPEN: Partial<LoggedOutcome> = {
  ...FAITHFUL, full: {}, answer_digest: 'served', stopped_probe: { tokens: 40, agreement: 0, answer_digest: 'probed' },
}
const IN_FULL: Partial<LoggedOutcome> = { arm: 'treated', steps: null }

/** A certified fold, so much later that outcomes no longer wait for an enrolment at the former share. */
function certifiedFold (...policy: Parameters<typeof certifiedNow>): ReturnType<typeof certifiedNow> {
  const fold = certifiedNow(...policy)
  const time = fold.time + 30_000
  fold.pass(fold.time, time)
  return Object.assign(fold, { time })
}

let ids = 0
function report (fold: MemoryFold, changes: Partial<LoggedOutcome>, time: number): string {
  const generation_id = `s${++ids}`
  fold.learn(outcomeOf({ generation_id, u: 0.999, ...changes }), time)
  return generation_id
}

/** Stops of a certified context, one in `each` of which loses its answer, until a breach is found. */
function stopsToBreach (fold: MemoryFold, each: number, time: number, lossy = LOSSY, most = 2000): number {
  const { epoch: { number: epoch } } = fold.state()
  for (let i = 1; i <= most; i++) {
    report(fold, i % each === 0 ? lossy : FAITHFUL, time)
    if (fold.state().epoch.number > epoch) return i
  }
  return Infinity
}

t.test('treated generations are counted while a threshold is in force, and stops by whether they served the probed answer', async (t) => {
  const fold = certifiedFold()
  const { stopped_probe: _, ...unprobed } = FAITHFUL
  for (const changes of [FAITHFUL, FAITHFUL, LOSSY, IN_FULL, unprobed]) report(fold, changes, fold.time)
  report(fold, { ...FAITHFUL, sample_index: 3 }, fold.time)
  report(fold, { ...IN_FULL, cancelled: true }, fold.time)
  t.match(fold.state().guards.fidelity, { generations: 4, stops: 3, equal: 2, lost: 1, gained: 0, queued: 0 }, 'without the stop that has nothing to compare')
  const fresh = memoryFold()
  fresh.learn(outcomeOf(FAITHFUL))
  t.same(fresh.state().guards.fidelity, NO_FIDELITY, 'nothing is in force')
})

t.test('stops that lose their probed answer withdraw the threshold, with cause breach', async (t) => {
  const fold = certifiedFold()
  t.ok(stopsToBreach(fold, 10, fold.time) < 400, 'ten points are found')
  t.match(fold.state(), { epoch: { number: 2, cause: 'breach' }, rule: { index: -1 }, guards: { fidelity: { stops: 0, queued: 0 }, arms: NO_ARMS } })
  t.match(fold.changes.at(-1), { cause: 'breach', key: LEAF, after: null })
})

t.test('an alarm of breach says since when stops lose, and how much', async (t) => {
  const fold = certifiedFold()
  for (let i = 0; i < 200; i++) report(fold, FAITHFUL, fold.time)
  const turned = fold.time + 60_000
  const stops = stopsToBreach(fold, 5, turned)
  t.match(fold.changes.at(-1)!.alarm, { since: turned, units: stops - 4, stops: stops - 4, em_drop: Math.floor(stops / 5) / (stops - 4) }, 'before the first loss it was at its floor')
})

/** A certified fold whose generations end at once. */
function briefFold (): MemoryFold {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  return fold
}

/** The first hold of a policy whose follow-up is shorter, ms. */
const HOLD = 1_800_000

t.test('after a breach no threshold is in force for half an hour, though evidence is gathered', async (t) => {
  const fold = briefFold()
  stopsToBreach(fold, 10, 0)
  fold.learn(KEPT, HOLD - 1, FIRST)
  t.match(fold.state(), { rule: { index: -1, control_share: 0.02 }, guards: { hold: { breaches: 1, until: HOLD, is_over: false } } })
  t.not(fold.state().evidence.certified, -1)
  t.ok(isExpiryDue(fold, HOLD), 'the learner lets time pass in a quiet service')
  fold.learn({ type: 'tick' }, HOLD)
  t.match(fold.state(), { guards: { hold: { is_over: true } }, rule: { control_share: 0.2 } }, 'a breach is still suspected')
  t.not(fold.state().rule.index, -1)
  t.match(fold.changes.at(-1), { cause: 'evidence', before: null })
  t.notOk(isExpiryDue(fold, HOLD))
})

t.test('stops and breaches are counted over all epochs, and the root has the breaches of all contexts', async (t) => {
  const fold = briefFold()
  const { stopped_probe: _, ...unprobed } = FAITHFUL
  report(fold, unprobed, 0)
  const stops = stopsToBreach(fold, 10, 0)
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'r' }, 1)
  const other = Math.floor(stops / 10)
  t.match(fold.state(), { epoch: { number: 3 }, guards: { breaches: 1, stops: { probed: stops - other, other, refused: 1 } } })
  t.match(CHAIN.map((key) => fold.state(key).guards.breaches), [1, 0, 1])
  fold.learn(KEPT, 2, FIRST)
  stopsToBreach(fold, 10, 2)
  t.match(CHAIN.map((key) => fold.state(key).guards.breaches), [2, 0, 2])
})

t.test('a hold is twice as long after the next breach, and neither a checkpoint nor another meaning of evidence ends it', async (t) => {
  const fold = briefFold()
  stopsToBreach(fold, 10, 0)
  fold.learn(KEPT, HOLD, FIRST)
  stopsToBreach(fold, 10, HOLD)
  fold.learn({ type: 'checkpoint', key: LEAF, run: 'r', step: 1, by: 'trainer' }, HOLD)
  fold.learn({ type: 'policy', key: LEAF, policy: { min_tokens: 8 }, by: 'ops' }, HOLD)
  fold.learn(KEPT, 3 * HOLD - 1, FIRST)
  t.match(fold.state(), { epoch: { cause: 'policy' }, rule: { index: -1 }, guards: { hold: { breaches: 2, until: 3 * HOLD } } })
  fold.learn(KEPT, 3 * HOLD)
  t.not(fold.state().rule.index, -1, 'an outcome is enough')
})

t.test('a context that certifies at another level from now on takes its hold along', async (t) => {
  const other = 'model=q,task=other'
  const certifyAt = (fold: MemoryFold, level: string | null, key: string, time: number) =>
    fold.learn({ type: 'policy', key, policy: { certify_at: level }, by: 'ops' }, time)
  const joining = briefFold()
  stopsToBreach(joining, 10, 0)
  certifyAt(joining, 'model', 'model=q', 1)
  joining.learn(KEPT, HOLD - 1, FIRST)
  t.match(joining.state('model=q'), { rule: { index: -1 }, guards: { hold: { breaches: 1, until: HOLD, is_over: false } } })
  joining.learn({ type: 'tick' }, HOLD)
  t.not(joining.state('model=q').rule.index, -1)

  const leaving = memoryFold({ certify_at: 'model' })
  leaving.learn(KEPT, 0, FIRST)
  leaving.learn({ ...KEPT, context: { model: 'q', task: 'other' } })
  for (let i = 1; leaving.state('model=q').epoch.number === 1; i++) report(leaving, i % 10 === 0 ? LOSSY : FAITHFUL, 0)
  certifyAt(leaving, null, LEAF, 1)
  leaving.learn(KEPT, HOLD - 1, FIRST)
  t.match(leaving.state(), { rule: { index: -1 }, guards: { hold: { breaches: 1, until: HOLD } } })
  t.match([leaving.state('model=q').guards.hold, leaving.state(other).guards.hold], [{ until: HOLD }, null], 'its pool keeps the hold')
})

t.test('a reset by an operator ends a hold at once, and forgets the breaches before', async (t) => {
  const fold = briefFold()
  stopsToBreach(fold, 10, 0)
  fold.learn({ type: 'reset', key: 'model=q', by: 'ops', reason: 'the worker is repaired' }, 1)
  t.equal(fold.state().guards.hold, null)
  fold.learn(KEPT, 1, FIRST)
  t.not(fold.state().rule.index, -1)
  stopsToBreach(fold, 10, 1)
  t.match(fold.state().guards.hold, { breaches: 1 })
})

t.test('a reset by the service itself, after damage, ends no hold', async (t) => {
  const fold = briefFold()
  stopsToBreach(fold, 10, 0)
  const { guards: { hold } } = fold.state()
  fold.learn({ type: 'reset', key: LEAF, below: false, by: 'stopgate', reason: 'its cohort could not be read' }, 1)
  fold.learn(KEPT, 1, FIRST)
  t.match(fold.state(), { epoch: { number: 3, cause: 'reset' }, rule: { index: -1 } })
  t.strictSame(fold.state().guards.hold, hold)
})

t.test('a certificate that the evidence lost during a hold does not come into force', async (t) => {
  const fold = briefFold()
  stopsToBreach(fold, 10, 0)
  fold.learn(KEPT, 1, FIRST)
  fold.learn(LOST, 1, 100)
  fold.learn({ type: 'tick' }, HOLD)
  t.equal(fold.state().rule.index, -1)
})

t.test('a pin stops generations during a hold', async (t) => {
  const fold = briefFold()
  stopsToBreach(fold, 10, 0)
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }, 1)
  t.equal(thresholdInForce(fold, LEAF, 1).threshold, 0.5)
})

t.test('a breach whose cause has not gone is found sooner the next time; one whose cause has gone is not found again', async (t) => {
  const breachAfter = (next: Partial<LoggedOutcome>) => {
    const fold = briefFold()
    const first = stopsToBreach(fold, 10, 0)
    fold.learn(KEPT, HOLD, FIRST)
    t.not(fold.state().rule.index, -1, 'it is certified again')
    let stops = 0
    for (let i = 1; i <= 1000 && fold.state().epoch.number === 2; i++, stops++) report(fold, i % 10 === 0 ? next : FAITHFUL, HOLD)
    return { first, second: fold.state().epoch.number === 2 ? Infinity : stops }
  }
  const { first, second } = breachAfter(LOSSY)
  t.ok(second < first / 2, `after ${first} stops, then after ${second}`)
  t.equal(breachAfter(FAITHFUL).second, Infinity)
})

t.test('under agreement an answer that differs from its probe is lost', async (t) => {
  const agreeing = memoryFold({ label: 'agreement' })
  agreeing.learn(outcomeOf({ full: { agreement: 1 }, steps: [{ tokens: 40, confidence: 1, agreement: 1 }] }), 0, FIRST)
  t.not(agreeing.state().rule.index, -1)
  t.ok(stopsToBreach(agreeing, 10, 0, OPEN) < 400, 'answers that differ count as lost')
})

t.test('few losses are no breach, and under a pin a breach is only a warning', async (t) => {
  t.equal(stopsToBreach(certifiedFold(), 400, 90_000), Infinity)
  const pinned = certifiedFold()
  pinned.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }, pinned.time)
  t.equal(stopsToBreach(pinned, 5, pinned.time, LOSSY, 500), Infinity)
  t.ok(pinned.state().guards.fidelity.detector.some((m) => m > 1e4))
})

t.test('a suspicion of breach raises an auto control share', async (t) => {
  const fold = certifiedFold()
  t.equal(fold.state().rule.control_share, 0.02)
  for (let i = 0; i < 18; i++) report(fold, LOSSY, fold.time)
  fold.enrol([0.01], fold.time + 1000)
  fold.pass(fold.time + 1000, fold.time + FOLLOW_UP / 8 + 2000)
  t.equal(fold.state().epoch.number, 1)
  t.equal(fold.state().rule.control_share, 0.2)
})

t.test('a stop whose answers differ waits for its label, and later ones wait behind it', async (t) => {
  const fold = certifiedFold()
  const { time } = fold
  const open = report(fold, OPEN, time)
  report(fold, LOSSY, time + 1)
  report(fold, IN_FULL, time + 2)
  t.match(fold.state().guards.fidelity, { generations: 3, stops: 2, equal: 0, lost: 0, queued: 2, detector: NO_FIDELITY.detector })
  t.ok(fold.pending.get(open), 'its digests are kept')
  fold.learn({ type: 'label', generation_id: open, em: 0, references: ['probed'] }, time + 3)
  t.match(fold.state().guards.fidelity, { lost: 2, queued: 0 })
  t.equal(fold.pending.get(open), undefined)
})

t.test('a label decides whether a difference was a loss', async (t) => {
  for (const [label, expected] of [
    [{ references: ['probed'] }, { lost: 1, gained: 0 }],
    [{ references: ['served'] }, { lost: 0, gained: 1 }],
    [{ references: ['neither'] }, { lost: 0, gained: 0 }],
    [{ em: 1 }, { lost: 0, gained: 0 }],
    [{ em: 0 }, { lost: 1, gained: 0 }],
    [{ em: 0, stopped_probe_em: 0 }, { lost: 0, gained: 0 }],
  ] as const) {
    const fold = certifiedFold()
    fold.learn({ type: 'label', generation_id: report(fold, OPEN, fold.time), ...label }, fold.time + 1)
    t.match(fold.state().guards.fidelity, { ...expected, queued: 0 }, JSON.stringify(label))
  }
})

t.test('without a label a difference counts as lost after one follow-up', async (t) => {
  const fold = certifiedFold()
  const id = report(fold, OPEN, fold.time)
  fold.pass(fold.time + 1000, fold.time + FOLLOW_UP - 1000)
  t.match(fold.state().guards.fidelity, { lost: 0, queued: 1 })
  fold.pass(fold.time + FOLLOW_UP, fold.time + FOLLOW_UP + 1000)
  t.match(fold.state().guards.fidelity, { lost: 1, queued: 0 })
  t.equal(fold.pending.get(id), undefined, 'nothing is kept for it')
})

t.test('an enrolled stop may wait for the label of both comparisons', async (t) => {
  const fold = certifiedFold({ control_rate: 0.4 })
  fold.enrol([0.3], fold.time, { share: 0.4 })
  fold.report(0.3, fold.time + 1, { ...OPEN, u: 0.3 })
  t.equal(fold.state().guards.fidelity.queued, 1)
  fold.learn({ type: 'label', generation_id: 'g0.3', references: ['probed'] }, fold.time + 2)
  t.match(fold.state().guards.fidelity, { lost: 1, queued: 0 })
  t.equal(fold.pending.get('g0.3'), undefined)
  t.equal(fold.state().reports.open_enrolments, 0)
})

t.test('a change of mode or pin, and a new epoch, start fidelity again and forget stops that wait', async (t) => {
  const changes: ReadonlyArray<(fold: EnrolledFold) => void> = [
    (fold) => fold.learn({ type: 'policy', key: LEAF, policy: { mode: 'shadow' }, by: 'ops' }, 90_000),
    (fold) => fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }, 90_000),
    (fold) => fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'r' }, 90_000),
  ]
  for (const change of changes) {
    const fold = certifiedFold()
    const id = report(fold, OPEN, fold.time)
    report(fold, FAITHFUL, fold.time)
    change(fold)
    t.same(fold.state().guards.fidelity, NO_FIDELITY)
    t.equal(fold.pending.get(id), undefined)
    t.ok(fold.cohorts.get(LEAF)?.stops.isEmpty ?? true)
  }
})

t.test('of a group whose samples have no numbers one counts on average, and a prompt of one sample counts', async (t) => {
  const fold = certifiedFold()
  const counted = (times: number, marks: object) => {
    const before = fold.state().guards.fidelity.stops
    for (let i = 0; i < times; i++) report(fold, { ...FAITHFUL, sample_index: -1, ...marks }, fold.time)
    return fold.state().guards.fidelity.stops - before
  }
  t.equal(counted(1, { samples: 1 }), 1)
  const [ofFour, ofUnknown] = [counted(400, { samples: 4 }), counted(800, {})]
  t.ok(ofFour > 70 && ofFour < 130, `${ofFour} of 400`)
  t.ok(ofUnknown > 30 && ofUnknown < 75, `${ofUnknown} of 800 where nothing says how many samples there are`)
})

t.test('a shorter follow-up also ends the wait of stops that came before', async (t) => {
  const fold = certifiedFold()
  report(fold, OPEN, fold.time)
  fold.pass(fold.time + 1000, fold.time + 30_000)
  fold.learn({ type: 'policy', key: LEAF, policy: { follow_up_seconds: 20 }, by: 'ops' }, fold.time + 30_000)
  fold.pass(fold.time + 31_000, fold.time + 32_000)
  t.match(fold.state().guards.fidelity, { lost: 1, queued: 0 })
})
