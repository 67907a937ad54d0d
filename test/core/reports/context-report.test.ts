import t from 'tap'
import { addToArm, NO_ARMS } from '../../../src/core/guards/arms.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { addTrace } from '../../../src/core/stats/evidence-sum.js'
import { stopsOf } from '../../../src/core/stats/trace.js'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import { emDrop } from '../../../src/core/stats/evidence.js'
import { addToMembership, FIRST_UNITS, packMembership, unpackMembership } from '../../../src/core/evidence/membership.js'
import { newSpan } from '../../../src/core/evidence/evidence-span.js'
import { shownInPool } from '../../../src/core/reports/context-facts.js'
import { describeArms, describeContext } from '../../../src/core/reports/context-report.js'
import { NO_SIGHT, noteStops, noteUnits } from '../../../src/core/guards/sight.js'
import { certificationTerms } from '../../../src/core/policy/policy.js'
import { NO_EVIDENCE } from '../stats/no-evidence.js'
import { memberUnit } from '../learn/member-unit.js'
import { linkWith } from '../decide/snapshot-of.js'
import { FIRST } from '../learn/memory-fold.js'
import { AT_TEST_CADENCE, TEST_POLICY } from '../../test-cadence.js'
import { changed, type Changes } from '../../changed-state.js'

t.test('arms are described by their means, and by null with little data', async (t) => {
  const nothing = { generations: 0, em: null, em_interval: null, tokens: null, tokens_interval: null }
  t.strictSame(describeArms(NO_ARMS), [{ arm: 'control', ...nothing }, { arm: 'treated', ...nothing }])
  let arms = NO_ARMS
  for (let i = 0; i < 40; i++) arms = addToArm(arms, 'treated', { generation_id: `g${i}`, sample_index: null, tokens: 100 + i % 4, full: { exact_match: i % 4 === 0 ? 0 : 1 } }, 'exact_match')
  t.match(describeArms(arms)[1], { arm: 'treated', generations: 40, em: 0.75, em_interval: [Number, Number], tokens: 101.5, tokens_interval: [Number, Number] })
})

const levels = ['model', 'task']
const TERMS = certificationTerms(TEST_POLICY)
const key = 'model=q,task=gsm8k'
const trace = { tokens: 64, answerTokens: 0, em: 1, steps: [{ tokens: 32, score: 0.95, em: 1 }], isComplete: true } as const

function known (generations: number, changes: Changes = {}) {
  let evidence = NO_EVIDENCE
  for (let i = 0; i < generations; i++) evidence = addTrace(evidence, trace, stopsOf(trace, 0))
  const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: TEST_POLICY, levels, time: 1000, name: '1000-1' })
  const state = changed(changed(opened, { evidence: { final: evidence, span: newSpan(GRID.length, 0) } }), changes)
  const defaultPolicy = { ...AT_TEST_CADENCE }
  return { levels, defaultPolicy, policies: new Map(), pins: new Map(), predictors: new Map(), states: new Map([[key, state]]) }
}

t.test('the status is learning, certified or drifted', async (t) => {
  const status = (generations: number, changes: Changes = {}) => describeContext(known(generations, changes), key).status
  t.equal(status(0), 'learning')
  t.equal(status(FIRST), 'certified')
  for (const cause of ['drift', 'breach'] as const) t.equal(status(0, { epoch: { cause } }), 'drifted', cause)
  t.equal(status(FIRST, { epoch: { cause: 'drift' } }), 'certified', 'certified again after drift')
})

t.test('law 2: the status of a certified threshold whose guards cannot see is suspended, and it is not in force', async (t) => {
  const judged = { rule: { index: 3, threshold: GRID[3]!, judged_by: certificationTerms(TEST_POLICY) } }
  const blind = known(FIRST, { ...judged, guards: { sight: noteStops(noteUnits(NO_SIGHT, [false]), false, 0, 64) } })
  t.match(describeContext(blind, key), {
    status: 'suspended', threshold: null, guarantee: null, em: { drop: 0 }, sight: { units_lost: 1, stops_refused: 64 }, diagnosis: { reason: 'suspended' }, warnings: ['suspended'],
  })
  const pins = new Map([[key, { threshold: 0.93, by: 'ops', reason: 'r', expires_at: null }]])
  t.match(describeContext({ ...blind, pins }, key), { status: 'certified', threshold: 0.93, diagnosis: null })
  t.match(describeContext(known(FIRST, judged), key), { status: 'certified', threshold: GRID[3], sight: { units_lost: 0, stops_refused: 0 }, warnings: [] })
})

t.test('under a pin, the figures are those of the pinned threshold', async (t) => {
  const pinned = (threshold: number | null, generations = FIRST) =>
    describeContext({ ...known(generations), pins: new Map([[key, { threshold, by: 'ops', reason: 'r', expires_at: null }]]) }, key)
  t.match(describeContext(known(FIRST), key), { em: { drop: 0 }, tokens: { saved_ratio: 0.5 }, pin: null }, 'the certified threshold stops at 32 of 64 tokens')
  t.match(pinned(0.97), { threshold: 0.97, pin: { at: key, by: 'ops', reason: 'r', expires_at: null }, em: { drop: 0 }, tokens: { saved_ratio: 0 } }, 'the pinned one stops nothing')
  t.match(pinned(0.93), { threshold: 0.93, em: { drop: 0 }, tokens: { saved_ratio: 0.5 } })
  for (const nothing of [pinned(null), pinned(0.9999), pinned(0.93, 0)]) {
    t.match(nothing, { em: { drop: null, interval: null, drop_if_missing_lost: null }, tokens: { saved_ratio: null } })
  }
})

t.test('the EM drop of judged labels and its interval are both corrected for the losses that the judge misses', async (t) => {
  const described = (missRate: number) => {
    const pins = new Map([[key, { threshold: 0.93, by: 'ops', reason: 'r', expires_at: null }]])
    return describeContext({ ...known(FIRST), pins, defaultPolicy: { ...AT_TEST_CADENCE, judge_miss_rate: missRate } }, key)
  }
  const [plain, judged] = [described(0).em, described(0.5).em]
  const [low, high] = judged.interval!
  t.ok(low <= judged.drop! && judged.drop! <= high)
  t.ok(high > 1.5 * plain.interval![1])
})

t.test('a context that is held after a breach shows until when, and a member shows the hold of its pool', async (t) => {
  const hold = { breaches: 2, until: 5000, is_over: false }
  t.equal(describeContext(known(0), key).fidelity.held_until, null)
  t.match(describeContext(known(FIRST, { guards: { hold } }), key), { status: 'learning', threshold: null, guarantee: null, fidelity: { held_until: 5000 } })
  t.match(describeContext(known(FIRST, { guards: { hold: { ...hold, is_over: true } } }), key), { status: 'certified', fidelity: { held_until: null } })
  const pool = known(FIRST, { guards: { hold } }).states.get(key)!
  const pooled = { ...known(0), policies: new Map([['model=q', { certify_at: 'model' }]]) }
  pooled.states.set('model=q', pool)
  for (const one of ['model=q', key]) t.equal(describeContext(pooled, one).fidelity.held_until, 5000, one)
  const pins = new Map([['model=q', { threshold: 0.9, by: 'ops', reason: 'r', expires_at: null }]])
  t.match(describeContext({ ...pooled, pins }, key), { pin: { at: 'model=q', by: 'ops' } }, 'and a member under the pin of its pool names that')
  t.equal(describeContext(pooled, key).pin, null)
})

t.test('a pool shows its control share, and its contexts have its status; sums have no share', async (t) => {
  const policies = new Map([['model=q', { certify_at: 'model' }]])
  const stateOf = (generations: number, changes: Changes = {}) => known(generations, changes).states.get(key)!
  const pooled = (changes: Changes = {}, units = FIRST_UNITS, epoch = '1000-1') => {
    const pool = stateOf(FIRST, { rule: { control_share: 0.5 }, ...changes })
    const membership = { ...addToMembership(undefined, memberUnit({ epoch })), units, is_known: units >= FIRST_UNITS }
    const member = stateOf(0, { membership })
    return { ...known(0), policies, states: new Map([['*', stateOf(0)], ['model=q', pool], [key, member]]) }
  }
  t.match(describeContext(pooled(), '*'), { generations: { control_share: null }, status: 'learning' })
  t.match(describeContext(pooled(), 'model=q'), { generations: { control_share: 0.5 }, status: 'certified' })
  t.match(describeContext(pooled(), key), { generations: { control_share: 0.5 }, status: 'certified', guarantee: {}, pool: { key: 'model=q', left_at: null, first_generations_left: null } })
  const fresh = { generations: { control_share: 1 }, status: 'certified', threshold: null, guarantee: null }
  t.match(describeContext(pooled({}, 12), key), { ...fresh, pool: { left_at: null, first_generations_left: 18 } }, 'a new member')
  t.match(describeContext(pooled({}, 30, '900-1'), key), { ...fresh, pool: { first_generations_left: 30 } }, 'in another epoch of the pool')
  t.match(describeContext(pooled({ evidence: { final: NO_EVIDENCE }, epoch: { cause: 'drift' } }), key), { generations: { control_share: 0.5 }, status: 'drifted' })
})

t.test('the distance of the next certificate', async (t) => {
  const next = (generations: number, changes?: Changes) => describeContext(known(generations, changes), key).evidence.next_certificate_in
  t.equal(next(0), FIRST, 'lossless generations to the first certificate at 2 % and level 0.05 (vectors/certificate-2.json)')
  t.equal(next(FIRST - 1), 1)
  t.equal(next(FIRST), null, 'every threshold is certified')
  t.equal(next(FIRST, { evidence: { open: { evidence: NO_EVIDENCE, unaccounted: 2 } } }), 0, 'those that are accounted for suffice, once the others are too')
})

t.test('the evidence for the threshold in force is shown with the bar that certified it', async (t) => {
  const evidence = (generations: number, changes: Changes = {}) => describeContext(known(generations, changes), key).evidence
  t.match(evidence(0), { log_e: null, bar: Math.log(20) }, 'none is certified')
  t.match(evidence(FIRST, { evidence: { log_evidence: { best: 5, now: 2 } } }), { log_e: 2, bar: Math.log(20) }, 'it is certified by the best, and shown as it is now')
})

t.test('E9: the epochs that people opened raise the bar, and the guarantee states the error level that they have together', async (t) => {
  const view = (count: number) => describeContext(known(300, { epoch: { looks: { count, at: 0, level: 0, uncertified: 0 } } }), key)
  t.match(view(1), { evidence: { bar: Math.log(40) }, guarantee: { total_error_level: 1.5 * 0.05 } })
  t.match(view(2), { evidence: { bar: Math.log(120) }, guarantee: { total_error_level: 0.05 * (1 + 1 / 2 + 1 / 6) } })
})

t.test('the follow-up of enrolled generations is shown', async (t) => {
  const counts = { enrolled: 12, accounted: 6, missing: 2, cancelled: 2, left_out: 4 }
  const reports = { follow_up: { ...NO_FOLLOW_UP, ...counts, void: 3 }, open_enrolments: 5 }
  const { follow_up } = describeContext(known(0, { reports }), key)
  t.strictSame(follow_up, { enrolled: 12, open: 5, accounted: 6, missing: 2, cancelled: 2, left_out: 4 })
})

t.test('law 11: what is missing is no part of the estimate or its interval, which come from the same sums', async (t) => {
  const lossless = known(755).states.get(key)!.evidence.final
  const { generations, lost } = lossless
  const missing = { ...lossless, generations: generations + 57, lost: lost.map((count) => count + 57) }
  const view = (accounted?: typeof lossless) => describeContext(known(0, {
    evidence: { final: missing, accounted }, rule: { index: 29, threshold: GRID[29]!, judged_by: TERMS },
  }), key)
  const { em } = view(lossless)
  t.same([em.drop, em.drop_if_missing_lost], [0, 57 / 812], 'a dead worker costs no EM; if all were lost, 7.0 points')
  const [low, high] = em.interval!
  t.ok(low <= 0 && high >= 0 && high < 0.01, `${low} to ${high}`)
  t.equal(view().em.drop, 57 / 812, 'which is what the test counts')
})

t.test('a context shows for which thresholds labels are requested, and a member shows those of its pool', async (t) => {
  const spared = (from: number) => {
    const losses = { reported: 100, lost: GRID.map((_, k) => k < from ? 0 : 90), gained: GRID.map(() => 0) }
    return known(1, { labels: { losses, sources: { judge: 1 } } })
  }
  t.equal(describeContext(spared(10), key).labels.asked_from, GRID[9])
  t.equal(describeContext(spared(0), key).labels.asked_from, 1, 'for none')
  t.equal(describeContext(known(1), key).labels.asked_from, null, 'for all')
  const pooled = { ...known(1), policies: new Map([['model=q', { certify_at: 'model' }]]) }
  pooled.states.set('model=q', spared(10).states.get(key)!)
  t.equal(describeContext(pooled, key).labels.asked_from, GRID[9])
})

const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: TEST_POLICY, levels: ['model'], time: 1, name: 'pool-1' })
const link = linkWith('*', { index: 9 })
const membership = addToMembership(undefined, memberUnit({ lost: 1 }))

t.test('a member is shown by its own evidence, at the threshold of its pool', async (t) => {
  const { evidence } = membership
  t.same(shownInPool({ ...opened, membership }, link, opened), { generations: 1, evidence, atWorst: evidence, index: 9, level: 0.05 })
})

t.test('estimates of a member leave out units of which a label is missing, which count as lost beside them', async (t) => {
  const kept = addToMembership(undefined, memberUnit())
  const later = addToMembership(addToMembership(kept, memberUnit({ lost: 1, isKnown: false })), memberUnit())
  const { generations, evidence, atWorst } = shownInPool({ ...opened, membership: later }, link, opened)
  t.same({ generations, known: evidence.generations }, { generations: 3, known: 2 })
  t.same([evidence, atWorst].map((sum) => emDrop(sum, 9)), [0, 1 / 3])
  t.same(unpackMembership(JSON.parse(JSON.stringify(packMembership(later)))), later, 'it is stored so')
})

t.test('nothing is shown from another epoch of the pool, or before any outcome', async (t) => {
  const nothing = { evidence: { generations: 0 }, index: -1 }
  t.match(shownInPool({ ...opened, membership: { ...membership, epoch: 'pool-0' } }, link, opened), nothing)
  t.match(shownInPool(opened, link, opened), nothing)
  t.match(shownInPool({ ...opened, membership }, link, undefined), nothing, 'the pool cannot be read')
})
