import { readFileSync } from 'node:fs'
import t from 'tap'
import { type ContextState, openEpoch } from '../../../src/core/contexts/context-state.js'
import {
  EVIDENCE_WARNINGS, evidenceWarnings, isEvidenceWarning, isRepaired, mayCertify, withoutNewCertificates,
} from '../../../src/core/contexts/evidence-checks.js'
import {
  addCounts, addRecent, type FollowUp, NO_FOLLOW_UP, NO_RECENT_COUNTS,
} from '../../../src/core/contexts/follow-up-counts.js'
import { NO_GRADER } from '../../../src/core/contexts/grader.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../../src/core/policy/policy.js'

const state = openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, ['task'], { time: 0, name: '1-0' })
const countsOf = (more: Partial<FollowUp>) =>
  ({ follow_up: addCounts(NO_FOLLOW_UP, more), recent: addRecent(NO_RECENT_COUNTS, more), grader: NO_GRADER })
const warned = (more: Partial<FollowUp>, policy: PolicyPatch = {}) =>
  evidenceWarnings({ ...state, ...countsOf(more) }, { ...DEFAULT_POLICY, ...policy })

/** The state after units that come one by one. */
function after (from: ContextState, units: number, each: (i: number) => Partial<FollowUp>): ContextState {
  let { follow_up, recent } = from
  for (let i = 0; i < units; i++) [follow_up, recent] = [addCounts(follow_up, each(i)), addRecent(recent, each(i))]
  return { ...from, follow_up, recent }
}

const enrolled = () => ({ enrolled: 1 })
const fifthLeftOut = (i: number) => i % 5 === 0 ? { left_out: 1 } : { enrolled: 1 }

t.test('outcomes that lack steps are warned about where they are more than may be lost', async (t) => {
  t.same(warned({ steps_missing: 3 }), [], 'too few to tell')
  t.same(warned({ steps_missing: 4 }), ['steps_missing'])
  t.same(warned({ steps_missing: 4, reported: 196 }), [])
  t.same(warned({ steps_missing: 5, reported: 195 }), ['steps_missing'])
  t.same(warned({ steps_missing: 5, reported: 195 }, { max_em_drop: 0.05 }), [])
})

t.test('control generations that are left out or cancelled are warned about where they are more than may be lost', async (t) => {
  t.same(warned({ enrolled: 100, left_out: 3 }), [], 'too few to tell')
  t.same(warned({ enrolled: 196, left_out: 4 }), [])
  t.same(warned({ enrolled: 195, left_out: 5 }), ['left_out_high'])
  t.same(warned({ accounted: 190, missing: 6, cancelled: 4 }), [])
  t.same(warned({ accounted: 190, missing: 5, cancelled: 5 }), ['cancelled_high'])
})

t.test('workers are not blamed for lists that came too late', async (t) => {
  t.same(warned({ enrolled: 195, left_out: 5, listed_late: 5 }), ['lists_late'])
  t.same(warned({ enrolled: 190, left_out: 10, listed_late: 5 }), ['left_out_high', 'lists_late'])
  t.same(warned({ enrolled: 194, left_out: 6, listed_late: 3 }), ['left_out_high'], 'too few of either')
  const outage = after(state, 300, () => ({ left_out: 1, listed_late: 1 }))
  t.same(evidenceWarnings(after(outage, 100, enrolled), DEFAULT_POLICY), ['lists_late'])
  t.same(evidenceWarnings(after(outage, 20_000, enrolled), DEFAULT_POLICY), [])
})

t.test('a threshold may be certified while no more than twice the bound is left out, or unmarked', async (t) => {
  const mayWith = (counts: Partial<FollowUp>, waiting = 0) => mayCertify(countsOf(counts), DEFAULT_POLICY, waiting)
  const may = (enrolled: number, left_out: number, waiting = 0) => mayWith({ enrolled, left_out }, waiting)
  t.ok(may(0, 0))
  t.ok(may(96, 4))
  t.notOk(may(95, 5))
  t.notOk(may(95, 3, 2))
  t.ok(mayWith({ enrolled: 100, reported: 100, unmarked: 4 }))
  t.notOk(mayWith({ enrolled: 100, reported: 100, unmarked: 5 }))
})

t.test('outcomes that wait for their lists forbid nothing if they are few in the epoch, however fast the traffic is', async (t) => {
  const clean = after(state, 10_000, enrolled)
  t.ok(clean.recent.enrolled <= 512, 'recent counts are of a moment of such traffic')
  t.ok(mayCertify(clean, DEFAULT_POLICY, 400))
  t.notOk(mayCertify(clean, DEFAULT_POLICY, 500))
})

t.test('a fault that begins late is seen as soon as one that begins early', async (t) => {
  const clean = after(state, 100_000, enrolled)
  t.ok(mayCertify(clean, DEFAULT_POLICY))
  const faulty = after(clean, 200, fifthLeftOut)
  t.notOk(mayCertify(faulty, DEFAULT_POLICY))
  t.same(evidenceWarnings(faulty, DEFAULT_POLICY), ['left_out_high'])
  const repaired = after(faulty, 1500, enrolled)
  t.ok(mayCertify(repaired, DEFAULT_POLICY))
  t.same(evidenceWarnings(repaired, DEFAULT_POLICY), [])
  t.notOk(isRepaired(repaired, DEFAULT_POLICY), 'too little was left out to spoil the evidence')
})

t.test('after the repair of a fault that spoilt the evidence of the epoch, evidence begins again', async (t) => {
  const unmarked = () => ({ reported: 1, unmarked: 1 })
  const marked = () => ({ reported: 1 })
  for (const [fault, repaired] of [[fifthLeftOut, enrolled], [unmarked, marked]] as const) {
    const faulty = after(state, 2000, fault)
    const now = after(faulty, 2000, repaired)
    t.notOk(isRepaired(faulty, DEFAULT_POLICY))
    t.notOk(mayCertify(now, DEFAULT_POLICY), 'the epoch still holds what was gathered before')
    t.ok(isRepaired(now, DEFAULT_POLICY))
    t.notOk(isRepaired({ ...now, certified: 3 }, DEFAULT_POLICY), 'a certificate stays')
  }
})

t.test('without new certificates, those remain that there were', async (t) => {
  const certified = (before: number, after: number) =>
    withoutNewCertificates({ certified: before }, { ...state, certified: after }, DEFAULT_POLICY).certified
  t.strictSame([certified(3, 5), certified(3, -1)], [3, -1])
})

t.test('unmarked outcomes are warned about where they are more than may be lost', async (t) => {
  t.same(warned({ reported: 200, unmarked: 4 }), [])
  t.same(warned({ reported: 200, unmarked: 5 }), ['prompt_unmarked'])
})

t.test('a context in which most generations have no probed answer is warned about', async (t) => {
  t.same(warned({ reported: 8, unanswered: 4 }), [])
  t.same(warned({ reported: 7, unanswered: 4 }), ['answers_unprobed'])
})

t.test('arms that ask at different cadences are warned about', async (t) => {
  const sums = (ratio: number) =>
    ({ n: 40, asked: 400 * ratio, due: 400, asked_squares: 4000 * ratio ** 2, due_squares: 4000, products: 4000 * ratio })
  t.same(evidenceWarnings({ ...state, cadences: { control: sums(1), treated: sums(4) } }, DEFAULT_POLICY), ['cadences_differ'])
})

t.test('a grader that shows no differences any more is warned about, and nothing further is certified until it does', async (t) => {
  const worked = { ...NO_GRADER, differing: 130, changing: 60, unchanged: 30 }
  t.same(evidenceWarnings({ ...state, grader: worked }, DEFAULT_POLICY), [])
  t.notOk(mayCertify({ ...state, grader: worked }, DEFAULT_POLICY), 'the run is suspicious, and would look like evidence')
  const silent = { ...worked, differing: 200, unchanged: 100 }
  t.same(evidenceWarnings({ ...state, grader: silent }, DEFAULT_POLICY), ['grader_broken'])
  t.notOk(mayCertify({ ...state, grader: silent }, DEFAULT_POLICY))
  t.notOk(isRepaired({ ...state, grader: silent }, DEFAULT_POLICY))
  const spoilt = { ...state, grader: { ...silent, is_spoilt: true, unchanged: 0 } }
  t.ok(isRepaired(spoilt, DEFAULT_POLICY))
  t.notOk(mayCertify(spoilt, DEFAULT_POLICY))
  t.notOk(isRepaired({ ...spoilt, certified: 3 }, DEFAULT_POLICY), 'a certificate stays, and nothing further is certified')
})

t.test('an EM that never changes is warned about where no answer shows whether the grader works', async (t) => {
  t.same(evidenceWarnings({ ...state, grader: { ...NO_GRADER, bare: 99 } }, DEFAULT_POLICY), [])
  t.same(evidenceWarnings({ ...state, grader: { ...NO_GRADER, bare: 100 } }, DEFAULT_POLICY), ['grader_unseen'])
})

t.test('a broken grader is warned about', async (t) => {
  const broken = { ...state, grader: { ...NO_GRADER, was_blind: true } }
  t.same(evidenceWarnings(broken, DEFAULT_POLICY), ['grader_broken'])
})

t.test('the page for operators has a paragraph for each check', async (t) => {
  const page = readFileSync('docs/operate/monitoring.md', 'utf8')
  for (const warning of EVIDENCE_WARNINGS) t.ok(page.includes(`\n### ${warning}\n\n**Found.**`), warning)
  t.notOk(isEvidenceWarning('toString'))
})
