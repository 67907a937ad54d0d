import t, { type Test } from 'tap'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { UNREADABLE_POLICY } from '../../../src/core/policy/policy.js'
import { appendEntries, entriesAfter, logLag, trimLog, append, readAudit } from '../../../src/store/embedded/embedded-log.js'
import { openRoot, tablesIn } from '../../../src/store/embedded/embedded-tables.js'
import { UNREADABLE_COMMAND } from '../../../src/store/encoding/log-rows.js'
import { UNREADABLE_PIN } from '../../../src/store/encoding/stored-values.js'
import { LOG_LIMITS } from '../../../src/store/log.js'
import { temporaryFolder } from '../../helper.js'
import { idsIn, idsOf, label, outcome, outcomes, TICK, unlabelled, pinEntry, predictorEntry, RESET, versionOf } from '../fixtures.js'

async function logIn (t: Test) {
  const tables = tablesIn(openRoot(await temporaryFolder(t)))
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

t.test('a repeated id outlives its first expiry', async (t) => {
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

t.test('only policies, pins and predictors move the version, and a conflict writes nothing', async (t) => {
  const tables = tablesIn(openRoot(await temporaryFolder(t)))
  t.teardown(() => tables.root.close())
  const run = (...entries: Parameters<typeof append>[1]) => tables.root.childTransaction(() => append(tables, entries, 1000, LOG_LIMITS, 0))
  t.same(await run(outcome('a'), RESET), { appended: ['accepted', 'accepted'], isMoved: false })
  t.same(await run(pinEntry('*', 0.5)), { appended: ['accepted'], isMoved: true })
  await t.rejects(run(pinEntry('*', 0.6)), { name: 'ConflictError', message: 'The policy version is 1, no longer 0' })
  t.match(readAudit(tables, 10), [{ id: '2', version: 1, time: 1000 }, { id: '1', version: 0 }])
  t.equal(tables.log.getKeysCount(), 3)
  await tables.root.childTransaction(() => append(tables, [predictorEntry('p', versionOf('p', 1))], 1000, LOG_LIMITS, 1))
  t.equal(tables.getMeta('policy_version'), 2)
  t.same([...tables.changed.getKeys()], ['*'])
})

t.test('an unreadable audit row has the time and version of the next row', async (t) => {
  const tables = tablesIn(openRoot(await temporaryFolder(t)))
  t.teardown(() => tables.root.close())
  for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) await tables.root.childTransaction(() => append(tables, [pinEntry(key, 0.5)], 1000 + i, LOG_LIMITS))
  await tables.audit.put(2, '{')
  await tables.audit.put(4, '{"command":null}')
  t.match(readAudit(tables, 10), [
    { id: '4', command: UNREADABLE_COMMAND, version: 4, time: 1003, replaced: null }, { id: '3', command: { key: 'c' }, version: 3 },
    { id: '2', command: UNREADABLE_COMMAND, version: 3, time: 1002 }, { id: '1', command: { key: 'a' }, version: 1 },
  ])
})

t.test('an unreadable replaced policy or pin is shown as a value that stops nothing', async (t) => {
  const tables = tablesIn(openRoot(await temporaryFolder(t)))
  t.teardown(() => tables.root.close())
  const pin = pinEntry('a', 0.5)
  const policy = { type: 'policy', key: 'a', policy: null, by: 'ops' }
  const keep = async (id: number, command: object, replaced?: unknown) => {
    await tables.audit.put(id, JSON.stringify({ time: 1000, version: id, command, replaced }))
    return readAudit(tables, 1)[0]!.replaced
  }
  t.same(await keep(1, pin, null), null)
  t.same(await keep(2, pin, { threshold: 0.5, reason: 'r', by: 'a', expires_at: null }), { threshold: 0.5, reason: 'r', by: 'a', expires_at: null })
  t.same(await keep(3, policy, { mode: 'shadow' }), { mode: 'shadow' })
  for (const [i, odd] of [undefined, 7, {}, { threshold: -1, reason: 'r', by: 'a', expires_at: null }].entries()) t.same(await keep(4 + i, pin, odd), UNREADABLE_PIN)
  t.same(await keep(9, policy, { mode: 7 }), UNREADABLE_POLICY)
  t.same(await keep(10, RESET), null)
})
