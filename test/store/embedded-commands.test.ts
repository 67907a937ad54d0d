import t from 'tap'
import { UNREADABLE_POLICY } from '../../src/core/policy/policy.js'
import { UNREADABLE_COMMAND } from '../../src/store/encoding/log-rows.js'
import { UNREADABLE_PIN } from '../../src/store/encoding/stored-values.js'
import { append, readAudit } from '../../src/store/embedded/embedded-log.js'
import { openTables } from '../../src/store/embedded/embedded-tables.js'
import { LOG_LIMITS } from '../../src/store/log.js'
import { temporaryFolder } from '../helper.js'
import { outcome, pinEntry, predictorEntry, RESET, versionOf } from './fixtures.js'

t.test('only policies, pins and predictors move the version, and a conflict writes nothing', async (t) => {
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

t.test('an unreadable audit row has the time and version of the next row', async (t) => {
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

t.test('an unreadable replaced policy or pin is shown as one that stops nobody', async (t) => {
  const tables = openTables(await temporaryFolder(t))
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
