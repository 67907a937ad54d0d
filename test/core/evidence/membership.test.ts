import t from 'tap'
import { NO_DRIFT } from '../../../src/core/guards/drift.js'
import { addToMembership, hasLeft, knownEpochOf, leftEpochOf, type Membership } from '../../../src/core/evidence/membership.js'
import { ASIDE } from '../../../src/core/evidence/slice.js'
import { memberUnit } from '../learn/member-unit.js'

function after (units: ReadonlyArray<Parameters<typeof memberUnit>[0]>): Membership {
  return units.reduce<Membership | undefined>((last, fields) => addToMembership(last, memberUnit(fields)), undefined)!
}
const times = (count: number, fields: Parameters<typeof memberUnit>[0]) => Array.from({ length: count }, () => fields)

t.test('the evidence of a member starts over with each epoch of its pool', async (t) => {
  const { evidence, left_at } = after([{ lost: 1 }, {}, {}])
  t.match({ generations: evidence.generations, lost: evidence.lost[9], left_at }, { generations: 3, lost: 1, left_at: null })
  t.equal(after([{ lost: 1 }, {}, { epoch: 'pool-2' }]).evidence.generations, 1, 'another epoch')
})

t.test('a member that keeps losing more than the bound leaves its pool, and one within the bound stays', async (t) => {
  const losing = after(times(20, { lost: 1, time: 7 }))
  t.equal(losing.left_at, 7)
  t.equal(leftEpochOf({ membership: losing }), 'pool-1')
  const kept = after([...times(2000, {}), { lost: 1 }, ...times(50, {})])
  t.equal(kept.left_at, null)
  t.equal(leftEpochOf({ membership: kept }), null)
  t.equal(leftEpochOf({}), null)
  t.equal(leftEpochOf(undefined), null)
})

t.test('a member that has left does not return before the next epoch of the pool, whatever is reported', async (t) => {
  const left = after(times(20, { lost: 1, time: 7 }))
  const later = times(5000, { time: 9 }).reduce((last, fields) => addToMembership(last, memberUnit(fields)), left)
  t.match(later, { left_at: 7, drift: left.drift, unwatched: [] })
  t.equal(later.evidence.generations, 5020, 'its figures still count its open enrolments')
  t.match(addToMembership(later, memberUnit({ epoch: 'pool-2' })), { left_at: null, evidence: { generations: 1 } })
})

t.test('the detector watches nothing while the pool has no threshold', async (t) => {
  t.match(after(times(50, { lost: 1, index: -1 })), { drift: NO_DRIFT, left_at: null, evidence: { generations: 50 } })
})

t.test('the detector sees a slice once it is final, losses first, so that the order of arrival raises no alarm', async (t) => {
  const open = { slice: 3, firstOpen: 3 }
  const waiting = after([...times(1000, open), ...times(17, { ...open, lost: 1 })])
  t.match(waiting, { drift: NO_DRIFT, unwatched: [{ slice: 3, units: [[0, 1000], [1, 17]] }], left_at: null })
  t.match(addToMembership(waiting, memberUnit({ slice: 4, firstOpen: 4 })), { unwatched: [{ slice: 4 }], left_at: null })
  const atOnce = after([...times(1000, {}), ...times(17, { lost: 1 })])
  t.ok(atOnce.left_at !== null, 'in the order of arrival these 17 would be an alarm')
})

t.test('all slices that a pool has open may wait, in their order', async (t) => {
  const slices = Array.from({ length: 288 }, (_, i) => i)
  const many = after([...slices, 5, 7].map((slice) => ({ slice, firstOpen: 0 })).reverse())
  t.same(many.unwatched.map(({ slice }) => slice), slices)
  t.same([4, 5].map((i) => many.unwatched[i]!.units), [[[0, 1]], [[0, 2]]])
})

t.test('a member has left its pool only in the epoch in which it left', async (t) => {
  t.ok(hasLeft('7-1', '7-1'))
  t.notOk(hasLeft('7-1', '8-1'))
  t.notOk(hasLeft(null, null), 'neither has an epoch')
  t.notOk(hasLeft('7-1', undefined), 'there is no pool')
})

t.test('a member leaves at ten net losses if they are a third of its generations, in whatever slice', async (t) => {
  const aside = { slice: ASIDE, firstOpen: 0 }
  t.equal(after(times(9, { ...aside, lost: 1 })).left_at, null)
  t.equal(after(times(10, { ...aside, lost: 1, time: 7 })).left_at, 7)
  t.equal(after([...times(20, aside), ...times(10, { ...aside, lost: 1, time: 7 })]).left_at, 7)
  t.equal(after([...times(21, aside), ...times(10, { ...aside, lost: 1 })]).left_at, null)
  t.equal(after([...times(5, { ...aside, lost: -1 }), ...times(14, { ...aside, lost: 1 })]).left_at, null, 'gains count against losses')
  t.equal(after(times(50, { ...aside, lost: 1, index: -1 })).left_at, null, 'at no threshold nothing is lost')
  t.match(after(times(50, aside)), { drift: NO_DRIFT, unwatched: [] }, 'its detector watches evidence of the pool only')
})

t.test('a pool knows a member after 30 units in its present epoch, or after ten that lose nothing on balance', async (t) => {
  const knownAfter = (units: Parameters<typeof after>[0]) => knownEpochOf({ membership: after(units) })
  const losing = times(5, { lost: 1 })
  t.equal(knownAfter([...losing, ...times(24, {})]), null)
  t.equal(knownAfter([...losing, ...times(25, {})]), 'pool-1')
  t.equal(knownAfter(times(9, {})), null)
  t.equal(knownAfter(times(10, {})), 'pool-1')
  t.equal(knownAfter([{ lost: 1 }, ...times(9, {})]), null)
  t.equal(knownAfter([{ lost: 1 }, { lost: -1 }, ...times(8, {})]), 'pool-1')
  t.equal(knownAfter(times(29, { index: -1 })), null, 'without a threshold nothing shows what it would lose')
  t.equal(knownAfter([...times(10, {}), ...times(5, { lost: 1 })]), 'pool-1', 'it is not new again')
  t.equal(knownAfter([...times(50, {}), { epoch: 'pool-2' }]), null)
  t.equal(knownEpochOf({}), null)
  t.equal(knownEpochOf(undefined), null)
})
