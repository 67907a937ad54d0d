import t, { type Test } from 'tap'
import { openTables } from '../../src/store/embedded/embedded-tables.js'
import { appendEntries, entriesAfter, logLag, trimLog } from '../../src/store/embedded/embedded-log.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import { temporaryFolder } from '../helper.js'
import { idsIn, idsOf, label, outcome, outcomes, TICK, unlabelled } from './fixtures.js'

async function logIn (t: Test) {
  const tables = openTables(await temporaryFolder(t))
  t.teardown(() => tables.root.close())
  const limits = { dedupSeconds: 1, maxLogEntries: 1000 }
  const append = (now: number, entries: readonly LogEntry[]) =>
    tables.root.childTransaction(() => appendEntries(tables, entries, now, limits).appended)
  return { tables, append }
}

t.test('log ids increase even when the clock is set back', async (t) => {
  const { tables, append } = await logIn(t)
  for (const now of [5000, 5000, 4000, 1, 5001, 0]) await append(now, [TICK])
  t.same(entriesAfter(tables, '0-0', 10).map(({ cursor }) => cursor), ['5000-0', '5000-1', '5000-2', '5000-3', '5001-0', '5001-1'])
  t.same(logLag(tables, 5600), { lag: 6, lagMs: 600 })
  t.same(logLag(tables, 10), { lag: 6, lagMs: 0 })
})

t.test('log ids continue after the whole log was trimmed', async (t) => {
  const { tables, append } = await logIn(t)
  await append(5000, [TICK, TICK])
  await tables.root.childTransaction(() => { trimLog(tables, '5000-1') })
  t.same(logLag(tables, 5000), { lag: 0, lagMs: 0 })
  await append(10, [TICK])
  t.same(entriesAfter(tables, '0-0', 10).map(({ cursor }) => cursor), ['5000-2'])
})

t.test('sequence numbers sort as numbers', async (t) => {
  const { tables, append } = await logIn(t)
  await append(9, outcomes(...idsOf('a', 12)))
  await append(10, [outcome('b')])
  t.same(idsIn(entriesAfter(tables, '9-9', 100)), ['a-10', 'a-11', 'b'])
})

t.test('the dedup time starts at the first arrival', async (t) => {
  const { append } = await logIn(t)
  t.same(await append(1000, [outcome('a')]), ['accepted'])
  t.same(await append(1999, [outcome('a')]), ['duplicate'])
  t.same(await append(2000, [outcome('a')]), ['accepted'])
  t.same(await append(2999, [outcome('a')]), ['duplicate'])
})

t.test('each call deletes a few expired ids', async (t) => {
  const { tables, append } = await logIn(t)
  await append(1000, outcomes(...idsOf('a', 100)))
  await append(2500, [outcome('b')])
  t.equal(tables.seen.getKeysCount(), 101 - 2, 'the call deleted twice as many ids as it added')
  await append(2500, outcomes(...idsOf('c', 60)))
  t.equal(tables.seen.getKeysCount(), 61, 'all expired ids were deleted')
  t.equal(tables.seenAt.getKeysCount(), 61)
})

t.test('an id that came again outlives its first expiry', async (t) => {
  const { tables, append } = await logIn(t)
  await append(1000, outcomes(...idsOf('a', 10)))
  await append(2500, [outcome('a-9')])
  await append(2600, outcomes(...idsOf('b', 10)))
  t.equal(tables.seenAt.getKeysCount(), 11, 'its first entry in the index is gone')
  t.same(await append(2700, [outcome('a-9')]), ['duplicate'])
})

t.test('whether a label is accepted depends on the time of the log, even when the clock is set back', async (t) => {
  const { append } = await logIn(t)
  await append(1000, [unlabelled('a'), unlabelled('b'), unlabelled('c')])
  t.same(await append(1999, [label('a')]), ['accepted'])
  t.same(await append(1200, [label('b'), label('a')]), ['accepted', 'duplicate'])
  await append(2000, [TICK])
  t.same(await append(1500, [label('a'), label('c')]), ['unknown', 'unknown'], 'forgotten')
})
