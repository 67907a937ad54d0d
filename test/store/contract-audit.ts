import type { Command } from '../../src/core/learn/log-entry.js'
import { AUDIT_LIMIT } from '../../src/store/log.js'
import type { Law } from './contract.js'
import { commitOf, contentOf, idsOf, outcome, pinEntry, pinOf, policyEntry, RESET, TICK, unpinEntry } from './fixtures.js'

/** Law 2 of LogStore: the audit trail, and appends that expect a policy version. */
export function auditContract (law: Law): void {
  law('the audit trail has every command, the value it replaced and the version it made', async (t, { store, other, crash }) => {
    t.same(await store.audit(10), [])
    const commands: Command[] = [
      policyEntry('*', { mode: 'off' }), { ...pinEntry('model=q', 0.9), by: 'alice' }, pinEntry('model=q', 0.8), unpinEntry('model=q'),
      { ...policyEntry('*', null), by: 'bob', reason: 'é "quoted"' }, RESET,
    ]
    for (const command of commands.slice(0, 3)) await store.append([outcome(command.by + command.type), command, TICK])
    await other.append(commands.slice(3))
    const rows = await other.audit(10)
    t.same(rows.map(({ command }) => command), commands.toReversed(), 'the newest comes first, and texts are unchanged')
    t.same(rows.map(({ replaced }) => replaced).reverse(), [null, null, pinOf(0.9), pinOf(0.8), { mode: 'off' }, null])
    t.same(rows.map(({ version }) => version).reverse(), [1, 2, 3, 4, 4, 4], 'a call makes one version, however many commands it has')
    for (const { time } of rows) t.ok(Math.abs(time - Date.now()) < 10_000)
    t.equal(new Set(rows.map(({ id }) => id)).size, 6)
    t.same(await (await crash()).audit(10), rows, 'the trail survives a crash')
  })

  law('commands of one call replace each other', async (t, { store }) => {
    await store.append([pinEntry('*', 0.5), policyEntry('*', { mode: 'off' }), pinEntry('*', 0.6), unpinEntry('*'), pinEntry('*', 0.7)])
    t.same((await store.audit(10)).map(({ replaced }) => replaced), [null, pinOf(0.6), pinOf(0.5), null, null])
  })

  law('a reset does not move the version', async (t, { store }) => {
    await store.append([RESET])
    await store.append([pinEntry('*', 0.5)])
    await store.append([RESET])
    t.same((await store.audit(10)).map(({ version }) => version), [1, 1, 0])
  })

  law('the audit trail is read in pages', async (t, { store }) => {
    await store.append(idsOf('model=q,task', 7).map((key) => pinEntry(key, null)))
    const keys: string[] = []
    for (let before: string | undefined; ;) {
      const rows = await store.audit(3, before)
      if (rows.length === 0) break
      keys.push(...rows.map(({ command }) => command.type === 'pin' ? command.key : ''))
      before = rows.at(-1)!.id
    }
    t.same(keys, idsOf('model=q,task', 7).reverse())
  })

  law('the audit trail keeps the newest rows', async (t, { store }) => {
    const count = AUDIT_LIMIT + 3000
    for (let start = 0; start < count; start += 1000) {
      await store.append(Array.from({ length: 1000 }, (_, i) => pinEntry(`model=${(start + i) % 50}`, (start + i) / count)))
    }
    const rows = await store.audit(100_000)
    t.equal(rows.length, AUDIT_LIMIT)
    t.same(rows.map(({ command }) => command.type === 'pin' && command.pin!.threshold! * count).map(Math.round as never),
      rows.map((_, i) => count - 1 - i), 'the newest come first, without a gap')
  })

  law('an append with an outdated policy version appends nothing', async (t, { store, other }) => {
    const { policyVersion: first } = await store.revision()
    t.same(await store.append([policyEntry('*', {}), outcome('a')], first), ['accepted', 'accepted'])
    const content = await contentOf(store)
    await t.rejects(other.append([policyEntry('*', null), outcome('b')], first), { name: 'ConflictError' })
    t.same(await contentOf(store), content)
    const { policyVersion: second } = await other.revision()
    const token = (await store.acquireLease('a', 10_000))!
    await store.commit(commitOf(token, { decisive: ['*'] }))
    t.same(await other.append([unpinEntry('*')], second), ['accepted'], 'outcomes do not move the policy version')
  })

  law('when several appends expect the same version, only the first succeeds', async (t, { store, other }) => {
    const { policyVersion } = await store.revision()
    const calls = await Promise.allSettled(idsOf('model', 20).map((key, i) => (i % 2 === 0 ? store : other).append([pinEntry(key, 0.5)], policyVersion)))
    t.equal(calls.filter(({ status }) => status === 'fulfilled').length, 1)
    t.equal((await store.pins()).size, 1)
  })
}
