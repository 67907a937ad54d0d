import { readFileSync } from 'node:fs'
import t from 'tap'
import { type ContextState, openEpoch } from '../../../src/core/learn/context-state.js'
import { EVIDENCE_WARNINGS, isEvidenceWarning } from '../../../src/core/decide/warnings.js'
import { evidenceWarnings } from '../../../src/core/learn/evidence-checks.js'
import { withoutNewCertificates } from '../../../src/core/learn/take-evidence.js'
import { isBlocking, isRepaired, mayCertify } from '../../../src/core/evidence/blocks.js'
import { type FollowUp, recentParts } from '../../../src/core/evidence/follow-up-counts.js'
import { countUnits, newReports } from '../../../src/core/evidence/reports.js'
import { NO_GRADER } from '../../../src/core/evidence/grader.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../../src/core/policy/policy.js'
import { changed } from '../../changed-state.js'

const state = openEpoch(undefined, { cause: 'first_enrolment', policy: DEFAULT_POLICY, levels: ['task'], time: 0, name: '1-0' })
const reportsOf = (more: Partial<FollowUp>) => countUnits(newReports(undefined, 0), more)
const warned = (more: Partial<FollowUp>, policy: PolicyPatch = {}) =>
  evidenceWarnings({ ...state, reports: reportsOf(more) }, { ...DEFAULT_POLICY, ...policy })

/** The state after units that come one by one. */
function after (from: ContextState, units: number, each: (i: number) => Partial<FollowUp>): ContextState {
  let { reports } = from
  for (let i = 0; i < units; i++) reports = countUnits(reports, each(i))
  return { ...from, reports }
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

t.test('outcomes of generations that never asked are warned about where they are most', async (t) => {
  t.same(warned({ unlisted: 31 }), [], 'too few to tell')
  t.same(warned({ unlisted: 32, accounted: 31 }), ['left_out_high'])
  t.same(warned({ unlisted: 40, accounted: 40 }), [])
})

t.test('counts that block are those of the newest 1,024 units, whatever came before', async (t) => {
  const clean = after(state, 100_000, enrolled)
  t.ok(mayCertify(clean.reports, DEFAULT_POLICY))
  const faulty = after(clean, 300, fifthLeftOut)
  t.notOk(mayCertify(faulty.reports, DEFAULT_POLICY))
  t.same(evidenceWarnings(faulty, DEFAULT_POLICY), ['left_out_high'])
  const repaired = after(faulty, 1024, enrolled)
  t.ok(mayCertify(repaired.reports, DEFAULT_POLICY))
  t.same(evidenceWarnings(repaired, DEFAULT_POLICY), [])
  const [leftOut, all] = recentParts(repaired.reports.recent).left_out
  t.equal(leftOut, 0)
  t.ok(all > 768 && all <= 1024, `${all} units`)
})

t.test('without new certificates, those remain that there were', async (t) => {
  const having = (certified: number) => changed(state, { evidence: { certified } })
  const certified = (before: number, after: number) =>
    withoutNewCertificates(having(before), having(after), DEFAULT_POLICY).evidence.certified
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
  t.same(evidenceWarnings(changed(state, { guards: { cadences: { control: sums(1), treated: sums(4) } } }), DEFAULT_POLICY), ['cadences_differ'])
})

t.test('a grader that shows no differences any more is warned about, and nothing further is certified until it does', async (t) => {
  const worked = { ...NO_GRADER, differing: [[130, 60]] as const, unchanged: 30 }
  t.same(evidenceWarnings(changed(state, { reports: { grader: worked } }), DEFAULT_POLICY), [])
  t.notOk(mayCertify({ ...state.reports, grader: worked }, DEFAULT_POLICY), 'the run is suspicious, and would look like evidence')
  t.notOk(isBlocking({ ...state.reports, grader: worked }, DEFAULT_POLICY))
  const grader = { ...NO_GRADER, differing: [[200, 60]] as const, unchanged: 100 }
  const silent = changed(state, { reports: { grader, is_blocked: true } })
  t.same(evidenceWarnings(silent, DEFAULT_POLICY), ['grader_broken'])
  t.ok(isBlocking(silent.reports, DEFAULT_POLICY))
  t.notOk(isRepaired(silent.reports, -1, DEFAULT_POLICY))
  const repaired = changed(silent, { reports: { grader: { ...silent.reports.grader, unchanged: 0 } } })
  t.notOk(mayCertify(repaired.reports, DEFAULT_POLICY))
  t.ok(isRepaired(repaired.reports, -1, DEFAULT_POLICY))
})

t.test('an EM that never changes is warned about where no answer shows whether the grader works', async (t) => {
  t.same(evidenceWarnings(changed(state, { reports: { grader: { ...NO_GRADER, bare: 99 } } }), DEFAULT_POLICY), [])
  t.same(evidenceWarnings(changed(state, { reports: { grader: { ...NO_GRADER, bare: 100 } } }), DEFAULT_POLICY), ['grader_unseen'])
})

t.test('a broken grader is warned about', async (t) => {
  const broken = changed(state, { reports: { grader: { ...NO_GRADER, differing: [[30, 0]] as const, unchanged: 30 } } })
  t.same(evidenceWarnings(broken, DEFAULT_POLICY), ['grader_broken'])
})

t.test('the page for operators has a paragraph for each check', async (t) => {
  const page = readFileSync('docs/operate/monitoring.md', 'utf8')
  for (const warning of EVIDENCE_WARNINGS) t.ok(page.includes(`\n### ${warning}\n\n**Found.**`), warning)
  t.notOk(isEvidenceWarning('toString'))
})
