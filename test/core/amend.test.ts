import t from 'tap'
import { amend } from '../../src/core/amend.js'
import { openEpoch, type ContextState } from '../../src/core/context-state.js'
import { DEFAULT_POLICY } from '../../src/core/policy.js'
import { termsOf } from '../../src/core/terms.js'

const opened = openEpoch(undefined, 'first_outcome', DEFAULT_POLICY, ['model'], 1000)
const state: Required<ContextState> = { ...opened, judged_by: termsOf(DEFAULT_POLICY), fed_by: { alice: 2 }, checkpoint: { run: 'r', step: 7, expected: null } }

t.test('every field is kept, and in its place', async (t) => {
  t.equal(JSON.stringify(amend(state, {})), JSON.stringify(state))
  t.equal(JSON.stringify(amend(opened, {})), JSON.stringify(opened), 'those that are absent are not written')
})

t.test('what changed is changed, and the state it was made of is not', async (t) => {
  const before = JSON.stringify(state)
  const next = amend(state, { generations: 5, fed_by: undefined })
  t.strictSame(next, { ...state, generations: 5, fed_by: undefined })
  t.equal(JSON.stringify(state), before)
})
