import t from 'tap'
import { UNREADABLE_COMMAND } from '../../src/store/damaged.js'
import { append, readAudit } from '../../src/store/embedded-commands.js'
import { openTables } from '../../src/store/embedded-tables.js'
import { LOG_LIMITS } from '../../src/store/log-limits.js'
import { temporaryFolder } from '../helper.js'
import { outcome, pinEntry, predictorEntry, RESET, versionOf } from './fixtures.js'

t.test('only a policy, pin or predictor moves the version; a conflict leaves no trace', async (t) => {
  const tables = openTables(await temporaryFolder(t))
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

t.test('a damaged row of the audit trail is one that can\'t be read, of as late as the next', async (t) => {
  const tables = openTables(await temporaryFolder(t))
  t.teardown(() => tables.root.close())
  for (const [i, key] of ['a', 'b', 'c', 'd'].entries()) await tables.root.childTransaction(() => append(tables, [pinEntry(key, 0.5)], 1000 + i, LOG_LIMITS))
  await tables.audit.put(2, '{')
  await tables.audit.put(4, '{"command":null}')
  t.match(readAudit(tables, 10), [
    { id: '4', command: UNREADABLE_COMMAND, version: 4, time: 1003, replaced: null }, { id: '3', command: { key: 'c' }, version: 3 },
    { id: '2', command: UNREADABLE_COMMAND, version: 3, time: 1002 }, { id: '1', command: { key: 'a' }, version: 1 },
  ])
})
