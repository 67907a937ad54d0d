import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import { countUnits, newReports } from '../../../src/core/evidence/reports.js'
import { NO_SIGHT, noteStops } from '../../../src/core/guards/sight.js'
import { GRID } from '../../../src/core/decide/grid.js'
import { certificationTerms, DEFAULT_POLICY, type Policy } from '../../../src/core/policy/policy.js'
import { describeContext } from '../../../src/core/reports/context-report.js'
import { DIAGNOSES } from '../../../src/core/reports/diagnosis.js'
import { AT_TEST_CADENCE, TEST_POLICY } from '../../test-cadence.js'
import { changed, type Changes } from '../../changed-state.js'

const levels = ['model', 'task']
const key = 'model=q,task=gsm8k'
const collecting = { reports: { follow_up: { ...NO_FOLLOW_UP, enrolled: 50, accounted: 50, reported: 50 } } }
const certified = { index: 3, threshold: GRID[3]!, judged_by: certificationTerms(DEFAULT_POLICY) }
const pin = (threshold: number | null) => ({ threshold, reason: 'r', by: 'ops', expires_at: null })

interface Options { readonly policy?: Partial<Policy>, readonly pins?: ReadonlyMap<string, ReturnType<typeof pin>>, readonly at?: string }

const diagnosis = (...args: Parameters<typeof diagnosed>) => diagnosed(...args)?.reason ?? null

function diagnosed (changes: Changes, { policy = {}, pins = new Map(), at = key }: Options = {}) {
  const opened = openEpoch(undefined, { cause: 'first_enrolment', policy: { ...TEST_POLICY, ...policy }, levels, time: 1000, name: '1000-1' })
  const state = changed(opened, changes)
  const defaultPolicy = { ...AT_TEST_CADENCE, ...policy }
  const loaded = { levels, defaultPolicy, policies: new Map(), pins, predictors: new Map(), states: new Map([[at, state]]) }
  return describeContext(loaded, at).diagnosis
}

t.test('the first reason that applies is named', async (t) => {
  const faulty = (counts: Partial<typeof NO_FOLLOW_UP>) => ({ reports: countUnits(newReports(undefined, 1000), counts) })
  for (const [expected, changes, options] of [
    ['collecting', collecting],
    ['mode', collecting, { policy: { mode: 'off' as const } }],
    ['mode', collecting, { policy: { mode: 'shadow' as const }, pins: new Map([[key, pin(0.9)]]) }],
    ['collecting', collecting, { policy: { mode: 'shadow' as const } }],
    ['pin_never', collecting, { pins: new Map([[key, pin(null)]]) }],
    [null, collecting, { pins: new Map([[key, pin(0.9)]]) }],
    ['not_asked', {}],
    ['not_asked', faulty({ unenrolled: 1, unlisted: 1 })],
    ['reports_faulty', faulty({ enrolled: 10, accounted: 9, unenrolled: 40, unlisted: 40 })],
    ['not_asked', faulty({ void: 1, unenrolled: 1 })],
    ['reports_faulty', faulty({ enrolled: 40, missing: 40 })],
    ['reports_faulty', faulty({ enrolled: 50, accounted: 50, labels_wanted: 40, labels_given: 3, labels_missed: 37 })],
    ['accuracy', { ...collecting, rule: { unlikely: 'accuracy' as const } }],
    ['too_costly', { ...collecting, rule: { unlikely: 'too_few' as const } }],
    ['withdrawn', { ...collecting, epoch: { cause: 'drift' as const } }],
    ['collecting', { ...collecting, epoch: { cause: 'drift' as const }, rule: { was_in_force: true } }],
    ['too_costly', { ...collecting, rule: { unlikely: 'probe_cost' as const } }],
    ['mode', { ...collecting, rule: { unlikely: 'accuracy' as const } }, { policy: { mode: 'off' as const } }],
    ['withdrawn', { ...collecting, rule: { unlikely: 'accuracy' as const }, epoch: { cause: 'drift' as const } }],
    ['withdrawn', { ...collecting, epoch: { cause: 'drift' as const } }],
    ['breach_held', { ...collecting, guards: { hold: { breaches: 2, until: 5000, is_over: false } } }],
    ['suspended', { ...collecting, rule: certified, guards: { sight: noteStops(NO_SIGHT, false, 0, 64) } }],
    [null, { ...collecting, rule: certified }],
    ['sums_only', collecting, { at: 'model=q' }],
  ] as const) t.equal(diagnosis(changes, options), expected, String(expected))
})

t.test('a fault of reports is named with its cure', async (t) => {
  const { text } = diagnosed({ reports: countUnits(newReports(undefined, 1000), { enrolled: 40, missing: 40 }) })!
  t.equal(text, 'What workers report does not qualify as evidence (outcomes_missing): most enrolled generations are missing, since their outcomes, steps or labels have not arrived in time. ' +
    'Send every outcome with the ids of its steps, and the wanted labels.')
})

t.test('the page has a paragraph for each reason', async (t) => {
  const page = await readFile('docs/troubleshooting.md', 'utf8')
  for (const reason of Object.keys(DIAGNOSES)) t.ok(page.includes(`\`${reason}\``), reason)
})
