import t from 'tap'
import { writeCommit, EmbeddedLease } from '../../../src/store/embedded/embedded-learning.js'
import { moveVersion } from '../../../src/store/embedded/embedded-log.js'
import { openRoot, tablesIn } from '../../../src/store/embedded/embedded-tables.js'
import { driveClock } from '../../clock.js'
import { temporaryFolder } from '../../helper.js'
import { commitOf } from '../fixtures.js'

t.test('the index of changes has each key once, under its newest version', async (t) => {
  const tables = tablesIn(openRoot(await temporaryFolder(t)))
  t.teardown(() => tables.root.close())
  for (const keys of [['a', 'b'], ['b', 'c'], ['b', 'b']]) await tables.root.childTransaction(() => moveVersion(tables, keys))
  t.same([...tables.changedAt.getKeys()], [[1, 'a'], [2, 'c'], [3, 'b']])
  t.same([...tables.changed.getRange()].map(({ key, value }) => [key, value]), [['a', 1], ['b', 3], ['c', 2]])
})

t.test('a commit from another cursor writes nothing', async (t) => {
  const tables = tablesIn(openRoot(await temporaryFolder(t)))
  t.teardown(() => tables.root.close())
  const commit = commitOf(1, { from: '1-0', to: '2-0' })
  await t.rejects(tables.root.childTransaction(() => { writeCommit(tables, commit, { contexts: [['*', '{}']], pending: [], cohorts: [['*', '{}']], reservoir: [], traces: [], days: [] }) }), { name: 'LeaseLostError' })
  t.same([tables.contexts.get('*'), tables.cohorts.get('*'), tables.getMeta('follow_up')], [undefined, undefined, null])
  await tables.root.childTransaction(() => { writeCommit(tables, { ...commit, from: '0-0' }, { contexts: [['*', '{}']], pending: [], cohorts: [['*', '{}']], reservoir: [[10, '{}'], [9, '{}'], [8, undefined]], traces: [['* 3', '{}']], days: [[7, 'x'], [7, 'y'], [407, 'z']] }) })
  t.same([tables.contexts.get('*'), tables.cohorts.get('*'), tables.getMeta('follow_up')], ['{}', '{}', JSON.stringify(commit.follow_up)])
  t.same([...tables.reservoir.getKeys()], [9, 10], 'by number')
  t.equal(tables.traces.get('* 3'), '{}')
  t.same([...tables.savings.getRange()], [{ key: 407, value: 'z' }], 'days of 13 months')
  t.equal(tables.getMeta('cursor'), '2-0')
})

t.test('only the newest lease is current, until it expires', async (t) => {
  const clock = driveClock(t)
  const lease = new EmbeddedLease()
  t.equal(lease.isCurrent(0), false)
  t.equal(lease.isHeldByOther('a'), false)
  lease.give('a', 1, 60_000)
  t.equal(lease.isCurrent(1), true)
  t.same(['a', 'b'].map((holder) => lease.isHeldByOther(holder)), [false, true])
  lease.give('b', 2, 60_000)
  t.same([1, 2].map((token) => lease.isCurrent(token)), [false, true])
  t.same([1, 2].map((token) => lease.renew(token, 10)), [false, true], 'a renewal may also shorten it')
  await clock.advance(9)
  t.equal(lease.isCurrent(2), true)
  await clock.advance(1)
  t.equal(lease.isCurrent(2), false)
  t.equal(lease.renew(2, 60_000), false, 'an expired lease is not renewed')
  t.equal(lease.isHeldByOther('a'), false)
})

t.test('only the current token releases the lease', async (t) => {
  const lease = new EmbeddedLease()
  lease.give('a', 7, 60_000)
  lease.release(6)
  t.equal(lease.isCurrent(7), true)
  lease.release(7)
  t.equal(lease.isCurrent(7), false)
})
