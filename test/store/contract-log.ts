import { until } from '../helper.js'
import { toPlace } from '../../src/store/log.js'
import { outcomeOf } from '../core/learn/memory-fold.js'
import type { Law } from './contract.js'
import { commitOf, contentOf, failuresOf, idsIn, idsOf, LEDGER, LIST, outcome, outcomes, pinEntry, pinOf, RESET, TICK, unpinEntry } from './fixtures.js'
import { StoreUnavailableError } from '../../src/store/store-errors.js'

/** Laws 1, 2 and 6: appending to the log and reading it. */
export function logContract (law: Law): void {
  law('entries keep their order and have rising ids', async (t, { store }) => {
    const entries = [...outcomes('a', 'b'), LIST, RESET, TICK, { type: 'configuration', configuration: LEDGER.configuration } as const]
    t.same(await store.append(entries), entries.map(() => 'accepted'))
    t.same(await store.append([outcome('c')]), ['accepted'])
    const stored = await store.read('0-0', 100, 0)
    t.same(stored.map(({ entry }) => entry), [...entries, outcome('c')], 'entries are read unchanged')
    const places = stored.map(({ cursor }) => toPlace(cursor))
    for (const [i, [ms, sequence]] of places.entries()) {
      t.equal(stored[i]!.time, ms, 'the time of an entry is the time in its id')
      t.ok(Math.abs(ms - Date.now()) < 10_000)
      const [previousMs, previousSequence] = places[i - 1] ?? [0, 0]
      t.ok(ms > previousMs || (ms === previousMs && sequence > previousSequence))
    }
  })

  law('a read starts after its cursor and ends at its limit', async (t, { store }) => {
    await store.append(outcomes(...idsOf('a', 10)))
    const first = await store.read('0-0', 4, 0)
    t.same(idsIn(first), idsOf('a', 4))
    const second = await store.read(first.at(-1)!.cursor, 100, 0)
    t.same(idsIn(second), idsOf('a', 10).slice(4))
    t.same(await store.read(second.at(-1)!.cursor, 100, 0), [])
  })

  law('a read of large entries ends early, and the next read continues', async (t, { store }) => {
    const large = idsOf('large', 20).map((id) => outcomeOf({ generation_id: id, context: { model: 'x'.repeat(1_000_000) } }))
    await store.append(large.slice(0, 10))
    await store.append(large.slice(10))
    const first = await store.read('0-0', 100, 0)
    t.same(idsIn(first), idsOf('large', 9), 'the read ends once it has 8 MiB')
    const second = await store.read(first.at(-1)!.cursor, 100, 0)
    t.same(idsIn([...first, ...second, ...await store.read(second.at(-1)!.cursor, 100, 0)]), idsOf('large', 20))
  })

  law('a read of many entries ends at its limit and skips none', async (t, { store }) => {
    await store.append(outcomes(...idsOf('a', 100)))
    for (const limit of [1, 15, 16, 17, 32, 40, 99, 100, 101]) t.same(idsIn(await store.read('0-0', limit, 0)), idsOf('a', 100).slice(0, limit))
  })

  law('an empty append succeeds', async (t, { store }) => {
    t.same(await store.append([]), [])
    t.same(await store.read('0-0', 10, 0), [])
  })

  law('entries of two writers are all kept, each writer\'s in order', async (t, { store, other }) => {
    const write = async (writer: typeof store, name: string) => {
      const accepted: string[] = []
      for (const id of idsOf(name, 300)) accepted.push(...await writer.append([outcome(id)]))
      return accepted
    }
    const accepted = await Promise.all([write(store, 'a'), write(other, 'b')])
    t.ok(accepted.flat().every((code) => code === 'accepted'))
    const ids = idsIn(await store.read('0-0', 1000, 0))
    t.same(ids.filter((id) => id.startsWith('a')), idsOf('a', 300))
    t.same(ids.filter((id) => id.startsWith('b')), idsOf('b', 300))
  })

  law('a duplicate outcome is appended once, whichever replica receives it', async (t, { store, other }) => {
    t.same(await store.append(outcomes('a', 'b', 'a', 'c', 'b')), ['accepted', 'accepted', 'duplicate', 'accepted', 'duplicate'], 'duplicates within one call')
    t.same(await other.append(outcomes('c', 'd')), ['duplicate', 'accepted'], 'duplicates from another replica')
    const racing = await Promise.all(idsOf('race', 50).flatMap((id) => [store, other].map((writer) => writer.append([outcome(id)]))))
    t.equal(racing.flat().filter((code) => code === 'accepted').length, 50, 'of concurrent duplicates only one is accepted')
    t.same(await store.append([TICK, RESET, TICK]), ['accepted', 'accepted', 'accepted'], 'other entries have no id and are never duplicates')
    const ids = idsIn(await store.read('0-0', 1000, 0))
    t.equal(ids.filter((id) => id === 'a').length, 1)
    t.equal(ids.length, 4 + 50 + 3)
  })

  law('an id is forgotten exactly after the dedup time', async (t, { store }) => {
    t.same(await store.append([outcome('a')]), ['accepted'])
    await until('the id is forgotten', async () => (await store.append([outcome('a')]))[0] === 'accepted')
    t.same(await store.append([outcome('a')]), ['duplicate'], 'the id is remembered again')
    const stored = await store.read('0-0', 100, 0)
    t.same(idsIn(stored), ['a', 'a'])
    t.ok(stored[1]!.time - stored[0]!.time >= 1000, 'not before the dedup time of a second, by the clock of the store')
  }, { dedupSeconds: 1 })

  law('ids can be any text', async (t, { store }) => {
    const ids = ['__proto__', 'constructor', 'a\0b', 'a\0', 'é', 'e\u0301', '你好', '🙂', ' ', '{stopgate}', '*', 'x'.repeat(128)]
    t.same(await store.append(outcomes(...ids)), ids.map(() => 'accepted'))
    t.same(await store.append(outcomes(...ids)), ids.map(() => 'duplicate'))
    t.same(idsIn(await store.read('0-0', 100, 0)), ids)
  })

  law('a call is all or nothing', async (t, { store }) => {
    await store.append([outcome('before')])
    const content = await contentOf(store)
    const broken = { type: 'outcome', generation_id: 'broken', full: {}, toJSON () { throw new Error('cannot be encoded') } }
    await t.rejects(store.append([outcome('a'), pinEntry('*', 0.5), broken as never]), { message: 'cannot be encoded' })
    t.same(await contentOf(store), content)
    t.same(await store.append([outcome('a')]), ['accepted'], 'the id of the refused call was not remembered')
  })

  law('the largest batch is appended in one call', async (t, { store }) => {
    const ids = idsOf('a', 4096)
    const accepted = await store.append(outcomes(...ids, ...ids.slice(0, 10)))
    t.equal(accepted.filter((code) => code === 'accepted').length, 4096)
    t.same(idsIn(await store.read('0-0', 5000, 0)), ids)
  })

  law('a policy or pin is written to its table and moves the version', async (t, { store }) => {
    t.same(await store.policies(), new Map())
    await store.append([outcome('a')])
    t.equal((await store.revision()).version, 0, 'an outcome does not move the version')

    await store.append([{ type: 'policy', key: '*', policy: { max_em_drop: 0.01 }, by: 'ops' }, pinEntry('model=q', 0.9), pinEntry('__proto__', null)])
    t.same(await store.policies(), new Map([['*', { max_em_drop: 0.01 }]]))
    t.same(await store.pins(), new Map([['model=q', pinOf(0.9)], ['__proto__', pinOf(null)]]))
    t.same(await store.policies(['model=q', '*', 'x']), new Map([['*', { max_em_drop: 0.01 }]]), 'those of some contexts')
    t.same([...(await store.pins(['__proto__', 'x'])).keys()], ['__proto__'])
    t.same([await store.policies([]), await store.pins([])], [new Map(), new Map()])
    const { version, policyVersion } = await store.revision()
    t.ok(version > 0)
    t.equal(policyVersion, version)
    t.same((await store.changedSince(0)).sort(), ['*', '__proto__', 'model=q'])
    t.same(idsIn(await store.read('0-0', 10, 0)), ['a', 'policy', 'pin', 'pin'])

    await store.append([unpinEntry('model=q'), { type: 'policy', key: '*', policy: null, by: 'ops' }, unpinEntry('never there')])
    t.same(await store.policies(), new Map())
    t.same([...(await store.pins()).keys()], ['__proto__'])
    const moved = await store.revision()
    t.ok(moved.version > version && moved.policyVersion === moved.version)
    t.same((await store.changedSince(version)).sort(), ['*', 'model=q', 'never there'])
  })

  law('a commit does not move the policy version', async (t, { store }) => {
    await store.append([pinEntry('*', 0.5)])
    const { policyVersion } = await store.revision()
    const token = (await store.acquireLease('a', 10_000))!
    await store.commit(commitOf(token, { decisive: ['*'] }))
    t.equal((await store.revision()).policyVersion, policyVersion)
  })

  law('acknowledged entries survive a crash', async (t, { store, crash }) => {
    await store.append([...outcomes(...idsOf('a', 20)), pinEntry('*', 0.5), { type: 'policy', key: '*', policy: { mode: 'shadow' }, by: 'ops' }])
    const token = (await store.acquireLease('a', 10_000))!
    const [first] = await store.read('0-0', 1, 0)
    await store.commit(commitOf(token, { to: first!.cursor, ledger: LEDGER, decisive: ['*'] }))
    const content = await contentOf(store)
    const again = await crash()
    t.same(await contentOf(again), content)
    t.same(await again.append(outcomes('a-0', 'a-19', 'b')), ['duplicate', 'duplicate', 'accepted'], 'the ids are remembered')
    const last = toPlace((await again.read('0-0', 100, 0)).at(-1)!.cursor)
    t.ok(last > toPlace(content.log.at(-1)!.cursor), 'new entries get higher ids')
  })

  law('log ids continue after a crash although the whole log was folded', async (t, { store, crash }) => {
    await store.append([TICK])
    const [tick] = await store.read('0-0', 1, 0)
    await store.commit(commitOf((await store.acquireLease('a', 10_000))!, { to: tick!.cursor }))
    const again = await crash()
    await again.append([TICK])
    const stored = await again.read(tick!.cursor, 10, 0)
    t.equal(stored.length, 1, 'the new entry comes after the cursor')
  })

  law('a closed store rejects every call', async (t, { store }) => {
    await store.close()
    t.equal(store.isUp(), false)
    t.same(new Set(await failuresOf(store)), new Set(['StoreUnavailableError']))
    t.ok(await store.append([TICK]).catch((error: unknown) => error) instanceof StoreUnavailableError)
    await store.close()
  })
}
