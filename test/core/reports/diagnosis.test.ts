import { readFile } from 'node:fs/promises'
import t from 'tap'
import { openEpoch } from '../../../src/core/contexts/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/contexts/follow-up-counts.js'
import type { Policy } from '../../../src/core/policy/policy.js'
import { describeContext } from '../../../src/core/reports/context-report.js'
import { DIAGNOSES } from '../../../src/core/reports/diagnosis.js'
import { AT_TEST_CADENCE, TEST_POLICY } from '../../test-cadence.js'

const levels = ['model', 'task']
const key = 'model=q,task=gsm8k'
const collecting = { follow_up: { ...NO_FOLLOW_UP, enrolled: 50, accounted: 50, reported: 50 } }
const pin = (threshold: number | null) => ({ threshold, reason: 'r', by: 'ops', expires_at: null })

interface Options { readonly policy?: Partial<Policy>, readonly pins?: ReadonlyMap<string, ReturnType<typeof pin>>, readonly at?: string }

function diagnosis (changes: object, { policy = {}, pins = new Map(), at = key }: Options = {}) {
  const state = { ...openEpoch(undefined, 'first_enrolment', { ...TEST_POLICY, ...policy }, levels, { time: 1000, name: '1000-1' }), ...changes }
  const defaultPolicy = { ...AT_TEST_CADENCE, ...policy }
  const loaded = { levels, defaultPolicy, policies: new Map(), pins, predictors: new Map(), states: new Map([[at, state]]) }
  return describeContext(loaded, at).diagnosis?.reason ?? null
}

t.test('the first reason that applies is named', async (t) => {
  const faulty = (counts: Partial<typeof NO_FOLLOW_UP>) => ({ follow_up: { ...NO_FOLLOW_UP, ...counts } })
  for (const [expected, changes, options] of [
    ['collecting', collecting],
    ['mode_off', collecting, { policy: { mode: 'off' as const } }],
    ['mode_shadow', collecting, { policy: { mode: 'shadow' as const } }],
    ['pin_never', collecting, { pins: new Map([[key, pin(null)]]) }],
    [null, collecting, { pins: new Map([[key, pin(0.9)]]) }],
    ['not_asked', {}],
    ['not_enrolled', faulty({ unenrolled: 1, unlisted: 1 })],
    ['not_enrolled', faulty({ enrolled: 10, accounted: 9, unenrolled: 40, unlisted: 40 })],
    ['lists_late', faulty({ void: 1, unenrolled: 1 })],
    ['lists_late', faulty({ enrolled: 10, accounted: 9, unenrolled: 40, left_out: 40, listed_late: 40 })],
    ['outcomes_missing', faulty({ enrolled: 40, missing: 40 })],
    ['labels_missing', faulty({ enrolled: 50, accounted: 50, labels_wanted: 40, labels_given: 3 })],
    ['accuracy', { ...collecting, unlikely: 'accuracy' }],
    ['too_few', { ...collecting, unlikely: 'too_few' }],
    ['probe_cost', { ...collecting, unlikely: 'probe_cost' }],
    ['mode_off', { ...collecting, unlikely: 'accuracy' }, { policy: { mode: 'off' as const } }],
    ['accuracy', { ...collecting, unlikely: 'accuracy', epoch_cause: 'drift' }],
    ['withdrawn', { ...collecting, epoch_cause: 'drift' }],
    ['breach_held', { ...collecting, hold: { breaches: 2, until: 5000, is_over: false } }],
    ['sums_only', collecting, { at: 'model=q' }],
  ] as const) t.equal(diagnosis(changes, options), expected, String(expected))
})

t.test('the page has a paragraph for each reason', async (t) => {
  const page = await readFile('docs/troubleshooting.md', 'utf8')
  for (const reason of Object.keys(DIAGNOSES)) t.ok(page.includes(`\`${reason}\``), reason)
})
