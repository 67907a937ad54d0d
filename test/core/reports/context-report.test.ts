import t from 'tap'
import { addToArm, NO_ARMS } from '../../../src/core/contexts/arms.js'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { allTested } from '../../../src/core/certificate/tested-evidence.js'
import { addTrace } from '../../../src/core/certificate/evidence-sum.js'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { stopsOf } from '../../../src/core/certificate/trace.js'
import { openEpoch } from '../../../src/core/contexts/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/contexts/follow-up-counts.js'
import { addToMembership, FIRST_UNITS } from '../../../src/core/contexts/membership.js'
import { describeArms, describeContext, shownInPool } from '../../../src/core/reports/context-report.js'
import { memberUnit } from '../contexts/member-unit.js'
import { linkWith } from '../decide/snapshot-of.js'
import { FIRST } from '../reducer/memory-fold.js'
import { AT_TEST_CADENCE, TEST_POLICY } from '../../test-cadence.js'

t.test('arms are described by their means, and by null with little data', async (t) => {
  const nothing = { generations: 0, em: null, tokens: null }
  t.strictSame(describeArms(NO_ARMS), { control: nothing, treated: nothing, em_difference: null })
  let arms = NO_ARMS
  for (let i = 0; i < 40; i++) arms = addToArm(arms, 'treated', { generation_id: `g${i}`, sample_index: null, tokens: 100 + i % 4, full: { exact_match: i % 4 === 0 ? 0 : 1 } }, 'exact_match')
  t.match(describeArms(arms).treated, { generations: 40, em: { estimate: 0.75 }, tokens: { estimate: 101.5 } })
})

const levels = ['model', 'task']
const key = 'model=q,task=gsm8k'
const trace = { tokens: 64, answerTokens: 0, em: 1, steps: [{ tokens: 32, score: 0.95, em: 1 }], isComplete: true } as const

function known (generations: number, changes: object = {}) {
  let evidence = NO_EVIDENCE
  for (let i = 0; i < generations; i++) evidence = addTrace(evidence, trace, stopsOf(trace, 0))
  const state = { ...openEpoch(undefined, 'first_enrolment', TEST_POLICY, levels, { time: 1000, name: '1000-1' }), evidence, tested: allTested(evidence), ...changes }
  const defaultPolicy = { ...AT_TEST_CADENCE }
  return { levels, defaultPolicy, policies: new Map(), pins: new Map(), predictors: new Map(), states: new Map([[key, state]]) }
}

t.test('the status is learning, certified or drifted', async (t) => {
  const status = (generations: number, changes = {}) => describeContext(known(generations, changes), key).status
  t.equal(status(0), 'learning')
  t.equal(status(FIRST), 'certified')
  for (const epoch_cause of ['drift', 'breach']) t.equal(status(0, { epoch_cause }), 'drifted', epoch_cause)
  t.equal(status(FIRST, { epoch_cause: 'drift' }), 'certified', 'certified again after drift')
})

t.test('under a pin, the figures are those of the pinned threshold', async (t) => {
  const pinned = (threshold: number | null, generations = FIRST) =>
    describeContext({ ...known(generations), pins: new Map([[key, { threshold, by: 'ops', reason: 'r', expires_at: null }]]) }, key)
  t.match(describeContext(known(FIRST), key), { em_drop: 0, tokens_saved_ratio: 0.5 }, 'the certified threshold stops at 32 of 64 tokens')
  t.match(pinned(0.97), { threshold: 0.97, pinned_at: key, em_drop: 0, tokens_saved_ratio: 0 }, 'the pinned one stops nothing')
  t.match(pinned(0.93), { threshold: 0.93, em_drop: 0, tokens_saved_ratio: 0.5 })
  for (const nothing of [pinned(null), pinned(0.9999), pinned(0.93, 0)]) {
    t.match(nothing, { em_drop: null, em_drop_low: null, em_drop_high: null, tokens_saved_ratio: null, tokens_saved_gross_ratio: null })
  }
})

t.test('the EM drop of judged labels and its interval are both corrected for the losses that the judge misses', async (t) => {
  const described = (missRate: number) => {
    const pins = new Map([[key, { threshold: 0.93, by: 'ops', reason: 'r', expires_at: null }]])
    return describeContext({ ...known(FIRST), pins, defaultPolicy: { ...AT_TEST_CADENCE, judge_miss_rate: missRate } }, key)
  }
  const [plain, judged] = [described(0), described(0.5)]
  t.ok(judged.em_drop_low! <= judged.em_drop! && judged.em_drop! <= judged.em_drop_high!)
  t.ok(judged.em_drop_high! > 1.5 * plain.em_drop_high!)
})

t.test('a context that is held after a breach shows until when, and a member shows the hold of its pool', async (t) => {
  const hold = { breaches: 2, until: 5000, is_over: false }
  t.equal(describeContext(known(0), key).breach.held_until, null)
  t.match(describeContext(known(FIRST, { hold }), key), { status: 'learning', threshold: null, guarantee: null, breach: { held_until: 5000 } })
  t.match(describeContext(known(FIRST, { hold: { ...hold, is_over: true } }), key), { status: 'certified', breach: { held_until: null } })
  const pool = known(FIRST, { hold }).states.get(key)!
  const pooled = { ...known(0), policies: new Map([['model=q', { certify_at: 'model' }]]) }
  pooled.states.set('model=q', pool)
  for (const one of ['model=q', key]) t.equal(describeContext(pooled, one).breach.held_until, 5000, one)
  const pins = new Map([['model=q', { threshold: 0.9, by: 'ops', reason: 'r', expires_at: null }]])
  t.match(describeContext({ ...pooled, pins }, key), { pin: null, pinned_at: 'model=q' }, 'and a member under the pin of its pool names that')
  t.equal(describeContext(pooled, key).pinned_at, null)
})

t.test('a pool shows its control share, and its contexts have its status; sums have no share', async (t) => {
  const policies = new Map([['model=q', { certify_at: 'model' }]])
  const stateOf = (generations: number, changes = {}) => known(generations, changes).states.get(key)!
  const pooled = (changes = {}, units = FIRST_UNITS, epoch = '1000-1') => {
    const pool = stateOf(FIRST, { control_share: 0.5, ...changes })
    const membership = { ...addToMembership(undefined, memberUnit({ epoch })), units, is_known: units >= FIRST_UNITS }
    const member = stateOf(0, { membership })
    return { ...known(0), policies, states: new Map([['*', stateOf(0)], ['model=q', pool], [key, member]]) }
  }
  t.match(describeContext(pooled(), '*'), { control_share: null, status: 'learning' })
  t.match(describeContext(pooled(), 'model=q'), { control_share: 0.5, status: 'certified' })
  t.match(describeContext(pooled(), key), { control_share: 0.5, status: 'certified', scope: 'pool', pool: { first_generations: null } })
  const fresh = { control_share: 1, status: 'certified', scope: 'none', threshold: null, guarantee: null }
  t.match(describeContext(pooled({}, 12), key), { ...fresh, pool: { left_at: null, first_generations: { seen: 12, of: 30 } } }, 'a new member')
  t.match(describeContext(pooled({}, 30, '900-1'), key), { ...fresh, pool: { first_generations: { seen: 0, of: 30 } } }, 'in another epoch of the pool')
  t.match(describeContext(pooled({ evidence: NO_EVIDENCE, tested: allTested(NO_EVIDENCE), epoch_cause: 'drift' }), key), { control_share: 0.5, status: 'drifted' })
})

t.test('the distance of the next certificate', async (t) => {
  const next = (generations: number, changes = {}) => describeContext(known(generations, changes), key).generations_to_next_certificate
  t.equal(next(0), FIRST, 'lossless generations to the first certificate at 2 % and level 0.05 (vectors/certificate-2.json)')
  t.equal(next(FIRST - 1), 1)
  t.equal(next(FIRST), null, 'every threshold is certified')
  const { tested } = known(FIRST).states.get(key)!
  t.equal(next(FIRST, { tested: { ...tested, open: { ...tested.open, unaccounted: 2 } } }), 0, 'those that are accounted for suffice, once the others are too')
})

t.test('the evidence for the threshold in force is shown at its best and now, with the bar that certified it', async (t) => {
  const evidence = (changes = {}) => describeContext(known(FIRST, changes), key).evidence
  t.equal(evidence(), null)
  const follow_up = { ...NO_FOLLOW_UP, cancelled: 3, void: 3, unenrolled: 4 }
  t.strictSame(evidence({ log_evidence: { best: 5, now: 2 }, follow_up, last_evidence_at: 7 }), {
    best: 5,
    now: 2,
    bar: Math.log(20),
    holds_now: false,
    since: 0,
    until: 7,
    units: FIRST,
    labelled: FIRST,
    left_out: 3,
    not_enrolled: 7,
    epochs_opened: 1,
    total_error_level: 0.05,
  })
  t.match(evidence({ log_evidence: { best: 5, now: 3 } }), { holds_now: true })
})

t.test('rule 15: the epochs that people opened raise the bar, and are shown with the error level that they have together', async (t) => {
  const evidence = (count: number) =>
    describeContext(known(300, { looks: { count, at: 0 }, log_evidence: { best: 5, now: 5 } }), key).evidence
  t.match(evidence(1), { bar: Math.log(40), epochs_opened: 2, total_error_level: 1.5 * 0.05 })
  t.match(evidence(2), { bar: Math.log(120), epochs_opened: 3, total_error_level: 0.05 * (1 + 1 / 2 + 1 / 6) })
})

t.test('the follow-up of enrolled generations is shown with its ratios', async (t) => {
  const follow_up = { ...NO_FOLLOW_UP, enrolled: 12, accounted: 6, missing: 2, cancelled: 2 }
  t.match(describeContext(known(0, { follow_up, open: { evidence: NO_EVIDENCE, unaccounted: 2 }, open_enrolments: 5 }), key), {
    follow_up, follow_up_ratio: 0.75, cancelled_ratio: 0.2, unaccounted: 2, open_enrolments: 5,
  })
})

t.test('a context shows for which thresholds labels are requested, and a member shows those of its pool', async (t) => {
  const spared = (from: number) => {
    const label_losses = { reported: 100, lost: GRID.map((_, k) => k < from ? 0 : 90), gained: GRID.map(() => 0) }
    return known(1, { label_losses, label_sources: { judge: 1 } })
  }
  t.equal(describeContext(spared(10), key).labels_asked_from, GRID[9])
  t.equal(describeContext(spared(0), key).labels_asked_from, 1, 'for none')
  t.equal(describeContext(known(1), key).labels_asked_from, null, 'for all')
  const pooled = { ...known(1), policies: new Map([['model=q', { certify_at: 'model' }]]) }
  pooled.states.set('model=q', spared(10).states.get(key)!)
  t.equal(describeContext(pooled, key).labels_asked_from, GRID[9])
})

const opened = openEpoch(undefined, 'first_enrolment', TEST_POLICY, ['model'], { time: 1, name: 'pool-1' })
const link = linkWith('*', { index: 9 })
const membership = addToMembership(undefined, memberUnit({ lost: 1 }))

t.test('a member is shown by its own evidence, at the threshold of its pool', async (t) => {
  t.same(shownInPool({ ...opened, membership }, link, opened), { evidence: membership.evidence, index: 9, level: 0.05 })
})

t.test('nothing is shown from another epoch of the pool, or before any outcome', async (t) => {
  const nothing = { evidence: { generations: 0 }, index: -1 }
  t.match(shownInPool({ ...opened, membership: { ...membership, epoch: 'pool-0' } }, link, opened), nothing)
  t.match(shownInPool(opened, link, opened), nothing)
  t.match(shownInPool({ ...opened, membership }, link, undefined), nothing, 'the pool cannot be read')
})
