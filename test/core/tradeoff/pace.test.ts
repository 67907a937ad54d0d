import t from 'tap'
import { openEpoch } from '../../../src/core/judgement/context-state.js'
import { NO_FOLLOW_UP } from '../../../src/core/judgement/follow-up-counts.js'
import { NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { paceOf } from '../../../src/core/tradeoff/pace.js'
import { policyWith } from '../learn/memory-fold.js'
import { EMPTY_GRID, evidenceWith } from '../certificate/random-evidence.js'

const fresh = openEpoch(undefined, 'first_enrolment', policyWith(), [], { time: 0, name: '0-1' })
/** 2,000 generations in 1,000 s, of which 500 were enrolled as control and 400 became evidence; the control share is now an eighth. */
const state = {
  ...fresh,
  generations: 2000,
  treated: 1400,
  follow_up: { ...NO_FOLLOW_UP, enrolled: 500, accounted: 380, missing: 20, excluded: 100 },
  control_share: 0.125,
  updated_at: 1_000_000,
  halves: [evidenceWith(400, EMPTY_GRID, GRID.map(() => 0.5)), NO_EVIDENCE] as const,
}

t.test('an example by hand: 2 generations a second, an eighth of them control, four fifths of these evidence', async (t) => {
  t.match(paceOf(state, 7), { now: 7, since: 1_000_000, perSecond: 0.2 })
})

t.test('the rate is unknown with little evidence', async (t) => {
  t.equal(paceOf(fresh, 0).perSecond, null)
  t.equal(paceOf({ ...state, updated_at: 0 }, 0).perSecond, null, 'at the start of the epoch')
  t.equal(paceOf({ ...state, halves: [evidenceWith(9, EMPTY_GRID, EMPTY_GRID), NO_EVIDENCE] }, 0).perSecond, null)
})
