import t from 'tap'
import { addToArm, NO_ARMS } from '../../../src/core/guards/arms.js'
import { countTreated, type Fidelity, NO_FIDELITY } from '../../../src/core/guards/fidelity.js'
import { NO_SIGHT, noteStops, noteUnits, type Sight } from '../../../src/core/guards/sight.js'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { contextWarnings } from '../../../src/core/learn/context-warnings.js'
import { countUnits } from '../../../src/core/evidence/reports.js'
import { type FollowUp, NO_FOLLOW_UP } from '../../../src/core/evidence/follow-up-counts.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { changed, type Changes } from '../../changed-state.js'

const state = openEpoch(undefined, { cause: 'first_enrolment', policy: DEFAULT_POLICY, levels: ['task'], time: 0, name: '1-0' })
const warned = (follow_up: Partial<FollowUp>) =>
  contextWarnings(changed(state, { reports: { follow_up: { ...NO_FOLLOW_UP, ...follow_up } } }), DEFAULT_POLICY)

t.test('a context whose enrolled generations never report is warned about once enough are missing', async (t) => {
  t.same(warned({ enrolled: 400, missing: 3 }), [])
  t.same(warned({ enrolled: 400, missing: 4 }), ['outcomes_missing'])
  t.same(warned({ enrolled: 400, missing: 20, accounted: 20 }), [])
  t.same(warned({ enrolled: 7, missing: 6, accounted: 1 }), ['outcomes_missing'])
})

t.test('a context that is reported on under other ids is warned about', async (t) => {
  t.same(warned({ unenrolled: 40, unlisted: 40 }), ['left_out_high'])
  t.same(warned({ unenrolled: 40 }), [], 'their lists came too late')
  t.same(warned({ unlisted: 40, accounted: 41 }), [])
  t.same(warned({ unlisted: 40, missing: 100 }), ['outcomes_missing', 'left_out_high'])
})

/** Stops in this order; `other`: with another answer than was probed. */
function fidelityOf (...stops: ReadonlyArray<readonly [count: number, probe: true | 'other']>): Fidelity {
  let fidelity = NO_FIDELITY
  for (const [count, probe] of stops) for (let i = 0; i < count; i++) fidelity = countTreated(fidelity, { isEqual: probe === true })
  return fidelity
}

t.test('law 2: a suspended threshold is warned about, and blindness without a threshold is not', async (t) => {
  const of = (sight: Sight, index = 3) => contextWarnings(changed(state, { rule: { index }, guards: { sight } }), DEFAULT_POLICY)
  t.same(of(noteStops(NO_SIGHT, false, 0, 63)), [])
  t.same(of(noteStops(NO_SIGHT, false, 0, 64)), ['suspended'])
  t.same(of(noteUnits(NO_SIGHT, new Array<boolean>(64).fill(false))), ['suspended'])
  t.same(of(noteStops(NO_SIGHT, false, 0, 64), -1), [])
})

t.test('stops that serve other answers are warned about from a twentieth of the recent ones with a probe on', async (t) => {
  const of = (fidelity: Fidelity) => contextWarnings(changed(state, { guards: { fidelity } }), DEFAULT_POLICY)
  t.same(of(fidelityOf([31, 'other'])), [], 'too few to know')
  t.same(of(fidelityOf([32, 'other'])), ['fidelity_low'])
  t.same(of(fidelityOf([95, true], [5, 'other'])), [])
  t.same(of(fidelityOf([94, true], [6, 'other'])), ['fidelity_low'])
  t.same(of(fidelityOf([10_000, true], [60, 'other'])), ['fidelity_low'], 'the worker has changed')
  t.same(of(fidelityOf([1000, 'other'], [6000, true])), [], 'the worker is repaired')
})

t.test('treated generations that lose more than is allowed against control ones are a warning', async (t) => {
  const of = (lost: number, max_em_drop = 0.02) => {
    let arms = NO_ARMS
    for (let i = 0; i < 4000; i++) {
      const outcome = { generation_id: `g${i}`, sample_index: null, tokens: 100 }
      arms = addToArm(arms, 'control', { ...outcome, full: { exact_match: i % 10 === 0 ? 0 : 1 } }, 'exact_match', 0.2)
      arms = addToArm(arms, 'treated', { ...outcome, full: { exact_match: i % 10 === 0 || i % 100 < lost ? 0 : 1 } }, 'exact_match')
    }
    return contextWarnings(changed(state, { guards: { arms } }), { ...DEFAULT_POLICY, max_em_drop })
  }
  t.same(of(1), [])
  t.same(of(9), ['arms_differ'])
  t.same(of(9, 0.1), [], 'so much is allowed')
})

t.test('a hold after a breach is a warning until it is over', async (t) => {
  const hold = { breaches: 1, until: 5, is_over: false }
  t.same(contextWarnings(changed(state, { guards: { hold } }), DEFAULT_POLICY), ['fidelity_low'])
  t.same(contextWarnings(changed(state, { guards: { hold: { ...hold, is_over: true } } }), DEFAULT_POLICY), [])
})

t.test('a day on which probes cost more than stops saved is a warning, and so is a certificate that is unlikely', async (t) => {
  const of = (changes: Changes) => contextWarnings(changed(state, changes), DEFAULT_POLICY)
  t.same(of({ savings: { day: { ...state.savings.day, net: 1 } } }), [])
  t.same(of({ savings: { day: { ...state.savings.day, net: -1 } } }), ['tokens_lost'])
  t.same(of({ rule: { unlikely: 'probe_cost' } }), [])
})

t.test('a jump of the answers that await a label is a warning', async (t) => {
  const late = { reported: 200, differing: [10], detector: [1, 1, 1] }
  t.same(contextWarnings(changed(state, { guards: { late_labels: late } }), DEFAULT_POLICY), [])
  const jumped = { ...late, detector: [2, 3, 4] }
  t.same(contextWarnings(changed(state, { guards: { late_labels: jumped } }), DEFAULT_POLICY), ['labels_missing'])
})

t.test('labels are missing where most of the newest did not come within their follow-up, whatever came before', async (t) => {
  const of = (...labels: ReadonlyArray<readonly [count: number, kind: 'labels_given' | 'labels_missed']>) => {
    let { reports } = state
    for (const [count, kind] of labels) for (let i = 0; i < count; i++) reports = countUnits(reports, { [kind]: 1 })
    return contextWarnings(changed(state, { reports }), DEFAULT_POLICY)
  }
  t.same(of([16, 'labels_missed']), ['labels_missing'])
  t.same(of([15, 'labels_missed']), [])
  t.same(of([30, 'labels_given'], [20, 'labels_missed']), [])
  t.same(of([1000, 'labels_given'], [40, 'labels_missed']), ['labels_missing'], 'an outage shows soon')
  t.same(of([1000, 'labels_missed'], [40, 'labels_given']), [], 'an outage that is over does not warn for ever')
  t.same(of([1000, 'labels_missed'], [10, 'labels_given']), ['labels_missing'])
})

t.test('a context that needs labels and gets none is warned about after a hundred control generations', async (t) => {
  const counts = { reported: 100, labels_wanted: 8, accounted: 100 }
  t.same(warned(counts), ['labels_missing'])
  t.same(warned({ ...counts, reported: 99 }), [])
  t.same(warned({ ...counts, labels_wanted: 0 }), [], 'all answers agree')
  t.same(warned({ ...counts, labels_given: 1 }), [])
  const followed = changed(state, { reports: { follow_up: { ...NO_FOLLOW_UP, ...counts } } })
  t.same(contextWarnings(followed, { ...DEFAULT_POLICY, label: 'agreement' }), [], 'the operator wants agreement')
  const labelled = { ...state.evidence.open, evidence: { ...state.evidence.open.evidence, labelled: 1 } }
  t.same(contextWarnings(changed(followed, { evidence: { open: labelled } }), DEFAULT_POLICY), [], 'a label came with an outcome')
})
