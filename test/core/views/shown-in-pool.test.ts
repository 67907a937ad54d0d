import t from 'tap'
import { addToMembership } from '../../../src/core/judgement/membership.js'
import { openEpoch } from '../../../src/core/judgement/context-state.js'
import { shownInPool } from '../../../src/core/views/shown-in-pool.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { linkWith } from '../decide/snapshot-of.js'
import { memberUnit } from '../judgement/member-unit.js'

const opened = openEpoch(undefined, 'first_enrolment', DEFAULT_POLICY, ['model'], { time: 1, name: 'pool-1' })
const link = linkWith('*', { index: 9 })
const membership = addToMembership(undefined, memberUnit({ lost: 1 }))

t.test('a member is shown by its own evidence, at the threshold of its pool', async (t) => {
  t.same(shownInPool({ ...opened, membership }, link, opened), { evidence: membership.evidence, index: 9, level: 0.05 })
})

t.test('nothing is shown from another epoch of the pool, for another scorer, or before anything has come', async (t) => {
  const nothing = { evidence: { generations: 0 }, index: -1 }
  t.match(shownInPool({ ...opened, membership: { ...membership, epoch: 'pool-0' } }, link, opened), nothing)
  t.match(shownInPool({ ...opened, membership: { ...membership, scorer: 1 } }, link, opened), nothing)
  t.match(shownInPool(opened, link, opened), nothing)
  t.match(shownInPool({ ...opened, membership }, link, undefined), nothing, 'the pool cannot be read')
})
