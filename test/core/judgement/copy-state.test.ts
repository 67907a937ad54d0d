import t from 'tap'
import { copyState } from '../../../src/core/judgement/copy-state.js'
import { openEpoch, type ContextState } from '../../../src/core/judgement/context-state.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { addToMembership } from '../../../src/core/judgement/membership.js'
import { memberUnit } from './member-unit.js'
import { certificationTerms } from '../../../src/core/policy/certification-terms.js'

const opened = openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, ['model'], { time: 1000, name: '1000-1' })
const state: Required<ContextState> = { ...opened, judged_by: certificationTerms(DEFAULT_POLICY), fed_by: { alice: 2 }, checkpoint: { run: 'r', step: 7, expected: null }, membership: addToMembership(undefined, memberUnit()) }

t.test('a copy has every field, in the same order', async (t) => {
  t.equal(JSON.stringify(copyState(state, {})), JSON.stringify(state))
  t.equal(JSON.stringify(copyState(opened, {})), JSON.stringify(opened), 'those that are absent are not written')
})

t.test('a copy has the changes, and the original does not', async (t) => {
  const before = JSON.stringify(state)
  const next = copyState(state, { generations: 5, fed_by: undefined })
  t.strictSame(next, { ...state, generations: 5, fed_by: undefined })
  t.equal(JSON.stringify(state), before)
})
