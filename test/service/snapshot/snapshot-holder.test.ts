import { pino } from 'pino'
import t from 'tap'
import { readConfig } from '../../../src/service/config/config.js'
import { createSnapshotHolder } from '../../../src/service/snapshot/snapshot-holder.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import type { Store } from '../../../src/store/store.js'
import { certify, CONTEXT, KEY } from '../../certify.js'
import { build, until } from '../../helper.js'
import { quickPolicy } from '../../quick-policy.js'
import { atTestCadence } from '../../test-cadence.js'

const log = pino({ level: 'silent' })
const step = { arm: 'treated', tokens: 32, confidence: 0.96, context: CONTEXT } as const

/** A replica on the store of a built service; `overrides` stand in for parts of the store that fail. */
function replica (t: import('tap').Test, store: Store, overrides: Partial<Store> = {}, now?: () => number, env: NodeJS.ProcessEnv = {}, clock?: () => number) {
  const view = new Proxy(store, {
    get: (target, name) => overrides[name as keyof Store] ?? ((value) => typeof value === 'function' ? value.bind(target) : value)(target[name as keyof Store]),
  })
  const config = readConfig({ DEFAULT_POLICY: atTestCadence(quickPolicy()), ...env })
  const snapshotHolder = createSnapshotHolder({ store: view, config, log, ...(now && { now }), ...(clock && { clock }) })
  t.teardown(snapshotHolder.close)
  return snapshotHolder
}

t.test('a change reaches another replica by notice, and by poll when the notice is lost', async (t) => {
  const built = await build(t)
  const byNotice = replica(t, built.store, {}, undefined, { POLL_SECONDS: '3600' })
  const byPoll = replica(t, built.store, { onNotice: () => {} }, undefined, { POLL_SECONDS: '0.05' })
  await certify(built)
  for (const [name, snapshotHolder] of Object.entries({ byNotice, byPoll })) {
    await until(`${name} has the threshold`, () => snapshotHolder.decideStep(step).decision.decision === 'stop')
    await until(`${name} is in step`, () => snapshotHolder.snapshot().version === built.snapshotHolder.snapshot().version)
    t.strictSame(snapshotHolder.decideStep(step).decision, built.snapshotHolder.decideStep(step).decision, name)
  }
})

t.test('a replica that starts late has the same snapshot as the others', async (t) => {
  const built = await build(t)
  await certify(built)
  const late = replica(t, built.store)
  t.match(late.decideStep(step).decision, { decision: 'continue', reason: 'stale_snapshot', stale: true, arm: 'treated', snapshot_version: 0 }, 'before the store was reached')
  await late.refresh()
  await built.snapshotHolder.refresh()
  t.strictSame(late.decideStep(step).decision, built.snapshotHolder.decideStep(step).decision)
})

t.test('without the store, decisions go on, become stale, then continue, and recover with the store', async (t) => {
  const built = await build(t)
  await certify(built)
  let clock = 0
  let isDown = false
  const revision = () => isDown ? Promise.reject(new StoreUnavailableError('gone')) : built.store.revision()
  const snapshotHolder = replica(t, built.store, { revision }, () => clock, { MAX_STALENESS_SECONDS: '60' })
  const at = async (seconds: number) => {
    clock = seconds * 1000
    await snapshotHolder.refresh()
    return snapshotHolder.decideStep(step).decision
  }
  t.match(await at(0), { decision: 'stop', stale: false })
  isDown = true
  t.match(await at(29), { decision: 'stop', stale: false })
  t.match(await at(31), { decision: 'stop', stale: true })
  t.match(await at(61), { decision: 'continue', reason: 'stale_snapshot', stale: true, would_stop: false })
  isDown = false
  t.match(await at(62), { decision: 'stop', stale: false })
})

t.test('a learner that stops committing makes the snapshot stale', async (t) => {
  const built = await build(t)
  await certify(built)
  const revision = async () => ({ ...await built.store.revision(), lag: 5, lagMs: 45_000 })
  const snapshotHolder = replica(t, built.store, { revision }, undefined, {})
  await snapshotHolder.refresh()
  t.match(snapshotHolder.decideStep(step).decision, { decision: 'stop', stale: true })
})

t.test('a store that went back to an older version is reloaded in full', async (t) => {
  const built = await build(t)
  const snapshotHolder = replica(t, built.store)
  await certify(built)
  await snapshotHolder.refresh()
  t.equal(snapshotHolder.decideStep(step).decision.decision, 'stop')
  const empty = { revision: async () => ({ ...await built.store.revision(), version: 0 }), contextKeys: async () => [] }
  const wentBack = replica(t, built.store, empty)
  await wentBack.refresh()
  t.equal(wentBack.decideStep(step).decision.reason, 'no_threshold')
})

t.test('an unknown level is an error that names the levels', async (t) => {
  const { snapshotHolder } = await build(t)
  t.throws(() => snapshotHolder.decideStep({ tokens: 1, confidence: 1, context: { colour: 'red' } }), { code: 'UNKNOWN_CONTEXT_LEVEL', message: /model, task/ })
})

t.test('a pin expires by the replica\'s clock while the store is down', async (t) => {
  const built = await build(t)
  await certify(built)
  const end = Date.now() + 3_600_000
  await built.store.append([{ type: 'pin', key: '*', pin: { threshold: null, reason: 'r', by: 'ops', expires_at: null }, by: 'ops', reason: 'r' }])
  await built.store.append([{ type: 'pin', key: KEY, pin: { threshold: null, reason: 'r', by: 'ops', expires_at: end }, by: 'ops', reason: 'r' }])
  let wallClock = end - 1
  let isDown = false
  const revision = () => isDown ? Promise.reject(new StoreUnavailableError('gone')) : built.store.revision()
  const snapshotHolder = replica(t, built.store, { revision, onNotice: () => {} }, undefined, { POLL_SECONDS: '0.02' }, () => wallClock)
  await until('the pin is in force', () => snapshotHolder.ageSeconds() !== null && snapshotHolder.decideStep(step).decision.reason === 'no_threshold')
  isDown = true
  wallClock = end
  await until('the pin has ended', () => snapshotHolder.decideStep(step).decision.decision === 'stop')
  const late = replica(t, built.store, {}, undefined, {}, () => end)
  await late.refresh()
  t.equal(late.decideStep(step).decision.decision, 'stop', 'an expired pin is never loaded')
})
