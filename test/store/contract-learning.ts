import type { ContextState } from '../../src/core/learn/context-state.js'
import { HISTORY_LIMIT } from '../../src/store/log.js'
import type { Store } from '../../src/store/store.js'
import { until } from '../helper.js'
import type { Law } from './contract.js'
import { Cohort } from '../../src/core/evidence/cohort.js'
import { storeCohort } from '../../src/core/evidence/cohorts.js'
import { SAVINGS_DAYS } from '../../src/core/stats/savings-sums.js'
import { change, cohortOf, commitOf, contentOf, headerOf, idsIn, idsOf, LEDGER, outcome, outcomes, pendingOf, pinEntry, state, sumsOf, TICK } from './fixtures.js'
import { timeOf } from './store-clock.js'
import { LeaseLostError } from '../../src/store/store-errors.js'

const LONG = 60_000

/** Laws 3 and 4: leases, commits and the learned state. */
export function learningContract (law: Law): void {
  law('only one lease runs at a time, and each has a higher token', async (t, { store, other }) => {
    const first = (await store.acquireLease('a', LONG))!
    t.equal(await other.acquireLease('b', LONG), null)
    t.equal(await other.renewLease(first + 1, LONG), false)
    t.equal(await store.renewLease(first, LONG), true)
    const again = (await store.acquireLease('a', LONG))!
    t.ok(again > first, 'a holder that released its lease gets a new one')
    t.equal(await store.renewLease(first, LONG), false)
    await store.releaseLease(first)
    t.equal(await other.acquireLease('b', LONG), null, 'an old token releases nothing')
    await store.releaseLease(again)
    t.equal(await store.renewLease(again, LONG), false)
    t.ok((await other.acquireLease('b', LONG))! > again)
  })

  law('a lease expires, and a renewed one expires later', async (t, { store, other }) => {
    const first = (await store.acquireLease('a b  c', LONG))!
    t.equal(await store.renewLease(first, 100.5), true)
    const second = await until('the lease ends', () => other.acquireLease('b', LONG))
    t.ok(second > first)
    t.equal(await store.renewLease(first, LONG), false)
    t.equal(await other.renewLease(second, LONG), true)
    await other.releaseLease(second)
    let end = 0
    await until('a lease is renewed before it ends', async () => {
      const token = (await store.acquireLease('c', 200.5))!
      end = await timeOf(store) + 201
      return await store.renewLease(token, LONG)
    })
    await until('it would have ended', async () => await timeOf(store) > end)
    t.equal(await other.acquireLease('b', LONG), null)
  })

  law('only one of many concurrent requests gets the lease', async (t, { store, other }) => {
    const asked = idsOf('holder', 20).map((holder, i) => (i % 2 === 0 ? store : other).acquireLease(holder, LONG))
    t.equal((await Promise.all(asked)).filter((token) => token !== null).length, 1)
  })

  law('tokens keep rising after a crash', async (t, { store, crash }) => {
    const first = (await store.acquireLease('a', 1))!
    const again = await crash()
    t.ok(await until('the lease ends', () => again.acquireLease('b', LONG)) > first)
  })

  law('a commit writes everything it contains', async (t, { store, other }) => {
    const damaged = { ledger: 0, pending: [], cohorts: [], samples: [] }
    const nothing = { cursor: '0-0', ledger: null, follow_up: null, contexts: new Map(), pending: [], cohorts: new Map(), reservoir: [], damaged }
    t.same(await store.learned(), nothing, 'a new store has learned nothing')
    await store.append(outcomes('a', 'b', 'c'))
    const [, second, third] = await store.read('0-0', 10, 0)
    const token = (await store.acquireLease('a', LONG))!
    const contexts = new Map([['*', state(1)], ['model=é%2C', state(2)], ['__proto__', state(3)]])
    const pending = new Map([['a\0', pendingOf('a\0', 0.1)], ['b', pendingOf('b', 0.2)]])
    const cohorts = new Map([['*', storeCohort(cohortOf())], ['model=é%2C', storeCohort(cohortOf('7-1'))], ['__proto__', storeCohort(new Cohort('8-0'))]])
    const given = { contexts, pending, cohorts, follow_up: headerOf(0.1 + 0.2), ledger: LEDGER }
    await store.commit(commitOf(token, { to: second!.cursor, ...given, decisive: ['*'], changes: [change(1), change(2)] }))
    for (const replica of [store, other]) {
      const learned = await replica.learned()
      const inOrder = { ...learned, pending: learned.pending.toSorted((a, b) => a.outcome.u - b.outcome.u) }
      t.same(inOrder, { cursor: second!.cursor, ...given, pending: [...pending.values()], reservoir: [], damaged })
      t.same((await replica.contextKeys()).sort(), [...contexts.keys()].sort())
      t.same(await replica.readContexts(['*', 'nowhere', '__proto__']), new Map([['*', state(1)], ['__proto__', state(3)]]))
      t.same(await replica.readContexts([]), new Map())
      t.same(await replica.readCohorts(['*', 'nowhere', '__proto__']), new Map([['*', cohorts.get('*')!], ['__proto__', cohorts.get('__proto__')!]]))
      t.same(await replica.readCohorts([]), new Map())
      t.match(await replica.history(10), [{ ...change(2), version: 1 }, { ...change(1), version: 1 }], 'the newest changes come first, each with the version that it made')
    }
    const next = new Map<string, ContextState | undefined>([['*', state(4)], ['__proto__', undefined], ['nowhere', undefined]])
    const leave = new Map([['a\0', undefined], ['nobody', undefined]])
    const dissolved = new Map([['*', undefined], ['model=é%2C', storeCohort(cohortOf('9-0'))], ['nowhere', undefined]])
    const moved = { contexts: next, pending: leave, cohorts: dissolved, follow_up: headerOf(2000) }
    await store.commit(commitOf(token, { from: second!.cursor, to: third!.cursor, ...moved, changes: [change(3)] }))
    t.same(await other.learned(), {
      cursor: third!.cursor,
      ledger: LEDGER,
      contexts: new Map([['*', state(4)], ['model=é%2C', state(2)]]),
      pending: [pendingOf('b', 0.2)],
      cohorts: new Map([['model=é%2C', storeCohort(cohortOf('9-0'))], ['__proto__', storeCohort(new Cohort('8-0'))]]),
      follow_up: headerOf(2000),
      reservoir: [],
      damaged,
    }, 'undefined deletes a row, and null keeps the ledger')
    t.match(await other.history(2), [{ ...change(3), version: 1 }, { ...change(2), version: 1 }], 'a change that makes no version has the current one')
  })

  law('a commit moves the version only if a decision could differ', async (t, { store }) => {
    const token = (await store.acquireLease('a', LONG))!
    await store.commit(commitOf(token, { contexts: new Map([['*', state(1)]]), changes: [change(1)] }))
    t.equal((await store.revision()).version, 0)
    t.same(await store.changedSince(0), [])
    await store.commit(commitOf(token, { decisive: ['*', 'model=q'] }))
    const first = (await store.revision()).version
    t.ok(first > 0)
    await store.commit(commitOf(token, { decisive: ['model=q', 'model=r'] }))
    const second = (await store.revision()).version
    t.ok(second > first)
    t.same((await store.changedSince(0)).sort(), ['*', 'model=q', 'model=r'], 'each key appears once')
    t.same((await store.changedSince(first)).sort(), ['model=q', 'model=r'])
    t.same(await store.changedSince(second), [])
  })

  law('a refused commit writes nothing', async (t, { store, other }) => {
    await store.append(outcomes('a', 'b'))
    const [first, second] = await store.read('0-0', 10, 0)
    const token = (await store.acquireLease('a', LONG))!
    await store.commit(commitOf(token, { to: first!.cursor, contexts: new Map([['*', state(1)]]), ledger: LEDGER, decisive: ['*'] }))
    const content = await contentOf(store)
    const wanted = {
      from: first!.cursor, to: second!.cursor, contexts: new Map([['*', undefined]]), cohorts: new Map([['*', storeCohort(cohortOf())]]), follow_up: headerOf(7), ledger: { ...LEDGER, refused: 9 }, decisive: ['*'], changes: [change(1)],
    }
    const refused = async (why: string, given: Partial<typeof wanted> & { token?: number }) => {
      const error = await other.commit(commitOf(token, { ...wanted, ...given })).catch((error: unknown) => error)
      t.ok(error instanceof LeaseLostError, why)
      t.same(await contentOf(store), content, why)
    }
    await refused('a token that was never given', { token: token + 1 })
    await refused('a part of a token', { token: Number(String(token).slice(0, -1)) })
    await refused('a cursor that is behind', { from: '0-0' })
    await refused('a cursor that is ahead', { from: second!.cursor })
    await store.releaseLease(token)
    await refused('a lease that was released', {})
    const short = (await store.acquireLease('a', LONG))!
    await until('it has ended, since renewals shorten it', async () => !await store.renewLease(short, 1))
    await refused('a lease that ended', { token: short })
    const newer = (await store.acquireLease('b', LONG))!
    await refused('a lease that another followed', { token: short })
    await other.commit(commitOf(newer, wanted))
    t.same((await store.learned()).contexts, new Map(), 'the newest lease may commit')
  })

  law('the log is trimmed up to the cursor and not beyond', async (t, { store }) => {
    await store.append(outcomes(...idsOf('a', 1000)))
    const stored = await store.read('0-0', 1000, 0)
    const token = (await store.acquireLease('a', LONG))!
    t.equal((await store.revision()).lag, 1000)
    await store.commit(commitOf(token, { to: stored[332]!.cursor }))
    t.same(idsIn(await store.read('0-0', 1000, 0)).slice(-667), idsOf('a', 1000).slice(333), 'all entries after the cursor are kept')
    t.same(idsIn(await store.read(stored[332]!.cursor, 1000, 0)), idsOf('a', 1000).slice(333))
    t.equal((await store.revision()).lag, 667)
    await until('the oldest has waited', async () => (await store.revision()).lagMs >= 20)
    await store.commit(commitOf(token, { from: stored[332]!.cursor, to: stored[999]!.cursor }))
    t.match(await store.revision(), { lag: 0, lagMs: 0 })
    t.same(await store.append([outcome('a-0')]), ['duplicate'], 'ids of folded outcomes are remembered')
  })

  law('the history is bounded', async (t, { store }) => {
    const token = (await store.acquireLease('a', LONG))!
    for (let start = 0; start < HISTORY_LIMIT + 2000; start += 4000) {
      await store.commit(commitOf(token, { changes: Array.from({ length: 4000 }, (_, i) => change(start + i)) }))
    }
    const history = await store.history(100_000)
    t.equal(history[0]!.time, 11_999)
    t.same(history.map(({ time }) => time), history.map((_, i) => 11_999 - i), 'the newest come first, without a gap')
    t.ok(history.length >= HISTORY_LIMIT && history.length < HISTORY_LIMIT + 200, `${history.length} rows are kept`)
    t.same(await store.history(3), history.slice(0, 3))
    t.equal(new Set(history.map(({ id }) => id)).size, history.length, 'each has an id of its own')
  })

  law('a commit adds ended days of savings, which stay as they are and are kept for 13 months', async (t, { store, other, crash }) => {
    const token = (await store.acquireLease('a', LONG))!
    const contexts = new Map(idsOf('model=q,task', 600).map((key, i) => [key, sumsOf(i)]))
    await store.commit(commitOf(token, { days: [{ day: 20_000, contexts }, { day: 20_001, contexts: new Map([['__proto__', sumsOf(0.1 + 0.2)]]) }] }))
    await store.commit(commitOf(token, { days: [{ day: 20_000, contexts: new Map([['*', sumsOf(9)]]) }] }))
    t.same(await other.readSavings(20_000), contexts, 'it has ended once')
    t.same([...(await other.readSavings(20_001))!.keys()], ['__proto__'])
    t.equal(await other.readSavings(19_999), null)
    await t.rejects(other.commit(commitOf(token + 1, { days: [{ day: 20_002, contexts }] })), { name: 'LeaseLostError' })
    t.equal(await store.readSavings(20_002), null, 'a refused commit adds none')
    await store.commit(commitOf(token, { days: [{ day: 20_000 + SAVINGS_DAYS, contexts }] }))
    const again = await crash()
    t.equal(await again.readSavings(20_000), null)
    t.equal((await again.readSavings(20_001))?.size, 1)
    t.same(await again.readSavings(20_000 + SAVINGS_DAYS), contexts)
  })

  law('one commit can change all contexts', async (t, { store }) => {
    const keys = idsOf('model=q,task', 10_000)
    const token = (await store.acquireLease('a', LONG))!
    await store.commit(commitOf(token, { contexts: new Map(keys.map((key, i) => [key, state(i)])), decisive: keys }))
    t.same((await store.changedSince(0)).sort(), keys.sort())
    t.equal((await store.learned()).contexts.size, 10_000)
    t.equal((await store.readContexts(keys)).size, 10_000)
    await store.commit(commitOf(token, { contexts: new Map(keys.map((key) => [key, undefined])), decisive: keys }))
    t.same(await store.contextKeys(), [])
  })

  law('a learner that dies before its commit loses nothing, and a learner that wakes late commits nothing', async (t, { store, other }) => {
    const ids = idsOf('a', 200)
    const writing = Promise.all(ids.map((id, i) => (i % 2 === 0 ? store : other).append([outcome(id), outcome(id), TICK])))
    const seen: string[] = []
    const commitNext = async (replica: Store, token: number, limit: number) => {
      const { cursor, contexts } = await replica.learned()
      const entries = await replica.read(cursor, limit, 0)
      if (entries.length === 0) return null
      const count = entries.filter(({ entry }) => entry.type === 'outcome').length
      const next = state((contexts.get('*')?.reports.generations ?? 0) + count)
      return { entries, commit: commitOf(token, { from: cursor, to: entries.at(-1)!.cursor, contexts: new Map([['*', next]]) }) }
    }
    for (let turn = 0; turn < 6; turn++) {
      const [replica, successor] = turn % 2 === 0 ? [store, other] : [other, store]
      const token = (await until('the last one\'s lease ends', () => replica.acquireLease(`learner-${turn}`, 30)))
      const abandoned = await commitNext(replica, token, 50)
      const newer = (await until('it ends', () => successor.acquireLease(`successor-${turn}`, LONG)))
      const made = await commitNext(successor, newer, 37)
      if (made !== null) {
        await successor.commit(made.commit)
        seen.push(...idsIn(made.entries))
      }
      if (abandoned !== null) await t.rejects(replica.commit(abandoned.commit), { name: 'LeaseLostError' })
      await successor.releaseLease(newer)
    }
    await writing
    const token = (await store.acquireLease('last', LONG))!
    for (let made; (made = await commitNext(store, token, 1000)) !== null;) {
      await store.commit(made.commit)
      seen.push(...idsIn(made.entries))
    }
    t.equal((await other.learned()).contexts.get('*')!.reports.generations, 200)
    t.same(seen.filter((id) => id !== 'tick').sort(), [...ids].sort(), 'each outcome was read once')
    t.equal((await other.revision()).lag, 0)
  })

  law('a policy that arrives during a commit is not lost', async (t, { store, other }) => {
    const token = (await store.acquireLease('a', LONG))!
    await Promise.all(idsOf('model=q,task', 50).flatMap((key) => [
      other.append([pinEntry(key, 0.5)]),
      store.commit(commitOf(token, { contexts: new Map([[key, state(1)]]), decisive: [key] })),
    ]))
    t.equal((await store.revision()).version, 100)
    t.equal((await store.pins()).size, 50)
    t.equal((await store.revision()).lag, 50)
  })
}
