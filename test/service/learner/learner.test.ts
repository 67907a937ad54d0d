import { pino } from 'pino'
import t from 'tap'
import type { Test } from 'tap'
import { gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import type { Ledger } from '../../../src/core/learn/ledger.js'
import { readConfig } from '../../../src/service/config/config.js'
import { describeChange, startLearner } from '../../../src/service/learner/learner.js'
import { createStore } from '../../../src/store/open/create-store.js'
import { LeaseLostError, StoreUnavailableError } from '../../../src/store/store-errors.js'
import type { Store } from '../../../src/store/store.js'
import { KEY, losslessOutcome } from '../../certify.js'
import { driveClock, spendTime } from '../../clock.js'
import { temporaryFolder, until } from '../../helper.js'
import { trainingWriteOf } from '../../store/fixtures.js'
import { enrolledEntries } from '../../enrolled-entries.js'
import { QUICK_TIMES, quickPolicy } from '../../quick-policy.js'
import { atTestCadence } from '../../test-cadence.js'

const log = pino({ level: 'silent' })
const config = readConfig({ DEFAULT_POLICY: atTestCadence(quickPolicy()), LEASE_SECONDS: '0.3' })

async function openStore (t: Test): Promise<Store> {
  const store = await createStore({ dataDir: await temporaryFolder(t), dedupSeconds: 60 })
  t.teardown(() => store.close())
  return store
}

function learner (t: Test, store: Store, overrides: Partial<Store> = {}, settings = config, batch?: number) {
  const view = new Proxy(store, {
    get: (target, name) => overrides[name as keyof Store] ?? ((value) => typeof value === 'function' ? value.bind(target) : value)(target[name as keyof Store]),
  })
  const started = startLearner({ store: view, config: settings, log, times: QUICK_TIMES, ...(batch !== undefined && { batch }) })
  t.teardown(started.close)
  return started
}

const report = (store: Store, from: number, to: number) =>
  store.append(enrolledEntries(Array.from({ length: to - from }, (_, i) => gradeOutcome('salt', losslessOutcome(`g${from + i}`) as ReportedOutcome))))

async function counted (store: Store): Promise<number> {
  const state = (await store.readContexts([KEY])).get(KEY)
  return state === undefined ? 0 : state.evidence.final.generations
}

t.test('one replica learns at a time, and another takes over when it closes', async (t) => {
  const clock = driveClock(t) // on which no lease ends because the machine is busy
  const settings = { ...config, leaseSeconds: 60 }
  const store = await openStore(t)
  const first = learner(t, store, {}, settings)
  await until('the first leads', () => first.isLeader())
  const second = learner(t, store, {}, settings)
  const learns = async (count: number) => await until(`${count} are learned`, async () => {
    await clock.advance(40)
    return await counted(store) === count
  })
  await report(store, 0, 100)
  await learns(100)
  await clock.advance(20_000)
  t.notOk(second.isLeader())
  await first.close()
  await clock.advance(20_000)
  await until('the second leads', () => second.isLeader())
  await report(store, 100, 200)
  await learns(200)
})

t.test('closing does not wait for a read that waits for entries', async (t) => {
  let reads = 0
  const first = learner(t, await openStore(t), { read: () => { reads++; return new Promise(() => {}) } })
  await until('it reads', () => reads === 1)
  await first.close()
  t.notOk(first.isLeader())
})

t.test('every outcome counts once, wherever a failure occurs between read and commit', async (t) => {
  const store = await openStore(t)
  let commits = 0
  const failures = [
    () => { throw new StoreUnavailableError('before') },
    async (commit: Parameters<Store['commit']>[0]) => { await store.commit(commit); throw new StoreUnavailableError('after the commit, which may have succeeded') },
    () => { throw new LeaseLostError('lost') },
    () => { throw new Error('a defect') },
  ]
  const commit: Store['commit'] = async (what) => {
    const failure = what.contexts.size > 0 && commits++ % 2 === 0 ? failures.shift() : undefined
    await (failure === undefined ? store.commit(what) : failure(what))
  }
  learner(t, store, { commit })
  for (let i = 0; i < 10; i++) {
    await report(store, i * 30, i * 30 + 30)
    await until(`${i * 30 + 30} are learned`, async () => await counted(store) === i * 30 + 30)
  }
  t.equal(failures.length, 0, 'all failures happened')
  t.equal(await counted(store), 300)
})

t.test('the next entries are read while a commit is under way, and committed after it', async (t) => {
  const store = await openStore(t)
  await report(store, 0, 30)
  let underWay = 0
  let most = 0
  let reads = 0
  let readsAtCommit = -1
  let release = () => {}
  const gate = new Promise<void>((resolve) => { release = resolve })
  const read: Store['read'] = (...args) => { reads++; return store.read(...args) }
  const commit: Store['commit'] = async (what) => {
    most = Math.max(most, ++underWay)
    if (what.contexts.size > 0 && readsAtCommit === -1) { readsAtCommit = reads; await gate }
    await store.commit(what)
    underWay--
  }
  learner(t, store, { read, commit }, undefined, 10)
  await until('a read during the first commit', () => readsAtCommit !== -1 && reads > readsAtCommit)
  t.equal(await counted(store), 0)
  release()
  await until('30 are learned', async () => await counted(store) === 30)
  t.equal(most, 1, 'one commit at a time')
})

t.test('a learner that would need longer than its lease for a batch gets on with smaller ones', async (t) => {
  const spend = spendTime(t)
  const store = await openStore(t)
  await report(store, 0, 200)
  const read: Store['read'] = async (...args) => (await store.read(...args)).map(({ cursor, time, entry }) => ({
    cursor,
    entry,
    get time () {
      spend(10) // slow entries: the lease ends while 200 of them are folded
      return time
    },
  }))
  learner(t, store, { read }, { ...config, leaseSeconds: 1 })
  await until('all are learned', async () => await counted(store) === 200)
})

t.test('a problem is reported until a commit succeeds', async (t) => {
  const store = await openStore(t)
  await report(store, 0, 30)
  let isBroken = true
  let failed = 0
  const said: Array<string | null> = []
  const commit: Store['commit'] = async (what) => {
    if (isBroken && what.contexts.size > 0) { failed++; throw new Error('a defect') }
    await store.commit(what)
  }
  const read: Store['read'] = (...args) => { if (failed > 0) said.push(started.problem()); return store.read(...args) }
  const started = learner(t, store, { read, commit }, undefined, 10)
  await until('it failed three times', () => failed === 3)
  t.same(new Set(said.slice(1)), new Set(['a defect']), 'from the first failed commit on')
  isBroken = false
  await until('30 are learned', async () => await counted(store) === 30)
  await until('no problem is reported', () => started.problem() === null)
})

t.test('another configuration reaches learned state through the log', async (t) => {
  const store = await openStore(t)
  const first = learner(t, store)
  await report(store, 0, 10)
  await until('10 are learned', async () => await counted(store) === 10)
  await first.close()
  learner(t, store, {}, readConfig({ DEFAULT_POLICY: quickPolicy({ check_every_tokens: 7 }), LEASE_SECONDS: '0.3' }))
  const state = await until('a new epoch', async () => {
    const found = (await store.readContexts([KEY])).get(KEY)!
    return found.epoch.number === 2 && found
  })
  t.match(state, { epoch: { cause: 'configuration', meaning: { check_every_tokens: 7 } } })
  t.equal(await counted(store), 0)
})

t.test('a policy or pin with an unreadable log entry is taken from its table', async (t) => {
  const store = await openStore(t)
  const withUnreadable: Store['read'] = async (...place) => (await store.read(...place)).map((one) =>
    'by' in one.entry && one.entry.by === 'ops' ? { ...one, entry: { type: 'unreadable' } } : one)
  const did: string[] = []
  const commit: Store['commit'] = (what) => { did.push(what.from === what.to ? 'begin' : 'commit'); return store.commit(what) }
  const append: Store['append'] = (...what) => { did.push('append'); return store.append(...what) }
  learner(t, store, { read: withUnreadable, commit, append })
  await store.append([{ type: 'policy', key: 'model=q', policy: { min_tokens: 64 }, by: 'ops' }])
  await store.append([{ type: 'pin', key: 'model=q', pin: { threshold: 0.9, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }])
  const isKnown = (all?: Ledger | null) => all?.pins.get('model=q')?.threshold === 0.9 && all.policies.get('model=q')?.min_tokens === 64
  await until('both are learned', async () => isKnown((await store.learned()).ledger))
  t.same(did.slice(0, 3), ['begin', 'append', 'commit'], 'before the commit that skips the entry, so that a learner that ends in between finds it again')
  const rows = await store.audit(10)
  t.ok(rows.some(({ command }) => command.by === 'stopgate' && command.type === 'pin'), 'the audit trail shows it')
  await until('all is read', async () => (await store.revision()).lag === 0)
})

t.test('a reset or checkpoint with an unreadable log entry still begins an epoch', async (t) => {
  const store = await openStore(t)
  const withUnreadable: Store['read'] = async (...place) => (await store.read(...place)).map((one) =>
    'by' in one.entry && one.entry.by === 'ops' ? { ...one, entry: { type: 'unreadable' } } : one)
  learner(t, store, { read: withUnreadable })
  await report(store, 0, 10)
  await until('10 are learned', async () => await counted(store) === 10)
  const state = async () => (await store.readContexts([KEY])).get(KEY)!
  const isLater = async () => {
    const began = (await state()).epoch.started_at
    await until('it is later than the epoch by more than clocks may differ', () => Date.now() > began + 10)
  }
  await isLater()
  await store.append([{ type: 'reset', key: KEY, by: 'ops', reason: 'r' }])
  await until('the reset begins an epoch', async () => (await state()).epoch.number === 2)
  t.match(await state(), { epoch: { cause: 'reset' }, evidence: { final: { generations: 0 } } })
  await isLater()
  const { run, ...write } = trainingWriteOf('r', null)
  const contexts = [{ key: 'model=q', step: 5, at: Date.now() }]
  await store.trainingRuns.write({ ...write, run: { ...run, contexts }, entries: [{ type: 'checkpoint', key: 'model=q', run: 'r', step: 5, by: 'ops' }] })
  await until('the checkpoint begins an epoch', async () => (await state()).epoch.number === 3)
  t.match(await state(), { epoch: { cause: 'reset' }, evidence: { final: { generations: 0 } } })
  await until('all is read', async () => (await store.revision()).lag === 0)
  t.equal((await state()).epoch.number, 3, 'each began one epoch')
})

t.test('the log states the effect of a change on the threshold', async (t) => {
  const said = (cause: 'evidence' | 'policy' | 'drift' | 'breach' | 'left_pool', before: number | null, after: number | null) => describeChange({ cause, before, after })
  t.equal(said('left_pool', 0.9, null), 'a context has left its pool, since it loses more than the pool allows')
  t.equal(said('evidence', null, 0.9), 'a threshold is certified')
  t.equal(said('evidence', 0.9, 0.8), 'a threshold is certified')
  t.equal(said('policy', 0.9, 0.8), 'a threshold has changed')
  t.equal(said('policy', 0.9, 0.9), 'a change kept the threshold in force')
  t.match(said('drift', 0.9, null), 'stopping has come to lose more')
  t.match(said('breach', 0.9, null), 'real stops lose more')
  t.equal(said('policy', 0.9, null), 'a threshold is withdrawn')
  t.equal(said('policy', null, null), 'a change; still no threshold is in force')
})
