import t from 'tap'
import { openEpoch } from '../../../src/core/contexts/context-state.js'
import { contextWarnings } from '../../../src/core/contexts/context-warnings.js'
import { type FollowUp, NO_FOLLOW_UP } from '../../../src/core/contexts/follow-up-counts.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'

const state = openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, ['task'], { time: 0, name: '1-0' })
const warned = (follow_up: Partial<FollowUp>) => contextWarnings({ ...state, follow_up: { ...NO_FOLLOW_UP, ...follow_up } }, DEFAULT_POLICY)

t.test('a context whose enrolled generations never report is warned about once enough are missing', async (t) => {
  t.same(warned({ enrolled: 400, missing: 31 }), [])
  t.same(warned({ enrolled: 400, missing: 32 }), ['outcomes_missing'])
  t.same(warned({ enrolled: 400, excluded: 32 }), ['outcomes_missing'])
  t.same(warned({ enrolled: 400, missing: 200, accounted: 1 }), [])
})

t.test('a context that is reported on under other ids is warned about', async (t) => {
  t.same(warned({ unenrolled: 40 }), ['outcomes_not_enrolled'])
  t.same(warned({ unenrolled: 40, accounted: 41 }), [])
  t.same(warned({ unenrolled: 40, missing: 100 }), ['outcomes_missing', 'outcomes_not_enrolled'])
})

t.test('a context whose signals have too many names is warned about', async (t) => {
  t.same(warned({ accounted: 100, signals_refused: 1 }), ['signals_refused'])
})
