import t from 'tap'
import { ContextCounts } from '../../../src/core/learn/context-counts.js'
import type { Pin } from '../../../src/core/policy/pin.js'
import { Cohorts } from '../../../src/core/evidence/cohorts.js'
import { ENROLMENT_TIMES, scaledTimes } from '../../../src/core/evidence/enrolment-list.js'
import { Reservoir } from '../../../src/core/scores/reservoir.js'
import { newLedger } from '../../../src/core/learn/ledger.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { PendingOutcomes } from '../../../src/core/learn/pending-outcomes.js'
import { foldEntries, type LearnerState } from '../../../src/service/learner/fold-entries.js'
import { createPeriodicJobs, followUpTicks, removeExpiredPins } from '../../../src/service/learner/periodic-jobs.js'
import type { Store } from '../../../src/store/store.js'
import { build } from '../../helper.js'
import { LEDGER } from '../../store/fixtures.js'

const KEY = 'model=q,task=a'
const FOLLOW_UP_S = 100

/** A learner whose log has no entries but those given and the ticks that are due, played by a clock. */
function quietService (times = ENROLMENT_TIMES) {
  const configuration = { levels: ['model', 'task'], defaults: { follow_up_seconds: FOLLOW_UP_S }, max_contexts: 100 }
  const memory: LearnerState = {
    cursor: '0-0', ledger: newLedger(configuration), contexts: new Map(), pending: new PendingOutcomes(), cohorts: new Cohorts(), counts: new ContextCounts(), reservoir: new Reservoir(), predictors: new Map(),
  }
  const isDue = followUpTicks(times)
  let now = 0
  const fold = (entry: LogEntry) => { foldEntries(memory, [{ cursor: `${now}-0`, time: now, entry }], times) }
  /** Lets time pass in steps, as the learner's loop does. @returns when ticks came, ms */
  const pass = (ms: number, step = 100) => {
    const ticks: number[] = []
    for (const end = now + ms; now < end;) {
      now += step
      if (!isDue(memory, now)) continue
      fold({ type: 'tick' })
      ticks.push(now)
    }
    return ticks
  }
  let lists = 0
  const enrol = (key: string, ...draws: number[]) => {
    fold({ type: 'enrolment', boot: 'b', number: ++lists, age: 0, entries: [{ key, epoch: null, share: 1, draws: draws.map((u) => [u, u] as const) }] })
  }
  return { memory, pass, enrol }
}

t.test('without anybody enrolled no tick is due', async (t) => {
  const { pass } = quietService()
  t.same(pass(60_000), [])
})

t.test('in a quiet service ticks keep the follow-up clock going, and missing outcomes are given up in time', async (t) => {
  const { memory, pass, enrol } = quietService()
  pass(5000)
  enrol(KEY, 0.25, 0.5)
  const ticks = pass(FOLLOW_UP_S * 1000 + 2000)
  t.match(memory.contexts.get(KEY)!.reports.follow_up, { enrolled: 2, missing: 2, accounted: 0 })
  const gaps = ticks.map((at, i) => at - (ticks[i - 1] ?? 5000))
  t.ok(gaps.every((gap) => gap >= 1000 && gap <= 5000), String(gaps))
  t.ok(ticks.length <= 30, `${ticks.length} ticks, about one for four seconds`)
  t.equal(memory.cohorts.clock, ticks.at(-1)! - 5000, 'the clock lost nothing')
  t.same(pass(60_000), [], 'no generation is left')
})

t.test('traffic elsewhere does not keep a context from its follow-up', async (t) => {
  const { memory, pass, enrol } = quietService()
  enrol(KEY, 0.25)
  for (let second = 1; second <= FOLLOW_UP_S + 2; second++) {
    pass(1000)
    enrol('model=q,task=b', second / 1000)
  }
  t.match(memory.contexts.get(KEY)!.reports.follow_up, { missing: 1 })
})

t.test('ticks come as much faster as the times of enrolment are scaled', async (t) => {
  const { pass, enrol } = quietService(scaledTimes(0.01))
  enrol(KEY, 0.25)
  const ticks = pass(1000, 1)
  t.ok(ticks.length >= 20 && ticks.length <= 100, `${ticks.length} ticks in a second`)
})

t.test('expired pins are removed at once, and then at most once a second', async (t) => {
  const { store, learner } = await build(t)
  await learner.close()
  const runPeriodicJobs = createPeriodicJobs(store, ENROLMENT_TIMES)
  const pin: Pin = { threshold: 0.5, reason: 'r', by: 'ops', expires_at: Date.now() - 1 }
  const run = async () => {
    await store.append([{ type: 'pin', key: '*', pin, by: 'ops', reason: 'r' }])
    const memory = { ledger: { ...LEDGER, pins: await store.pins() }, contexts: new Map(), cohorts: new Cohorts() }
    await runPeriodicJobs(memory as unknown as LearnerState)
    return (await store.pins()).size
  }
  t.equal(await run(), 0)
  t.equal(await run(), 1, 'the second call comes within the second')
})

const NOW = Date.now()
const pin = (expires_at: number | null): Pin => ({ threshold: 0.5, reason: 'r', by: 'ops', expires_at })
const set = (store: Store, key: string, expires_at: number | null) => store.append([{ type: 'pin', key, pin: pin(expires_at), by: 'ops', reason: 'r' }])

t.test('only expired pins are removed', async (t) => {
  const { store, learner } = await build(t)
  await learner.close()
  for (const [key, end] of [['*', NOW - 1], ['model=a', NOW], ['model=b', NOW + 60_000], ['model=c', null]] as const) await set(store, key, end)
  await removeExpiredPins(store, await store.pins(), NOW)
  t.same([...(await store.pins()).keys()], ['model=b', 'model=c'])
  t.match(await store.audit(2), [{ command: { by: 'stopgate', reason: 'expired', pin: null }, replaced: pin(NOW) }, { command: { by: 'stopgate' } }])
})

t.test('a pin set meanwhile is not removed', async (t) => {
  const { store, learner } = await build(t)
  await learner.close()
  await set(store, '*', NOW - 1)
  const ledgerPins = await store.pins()
  let isFirst = true
  const racing = new Proxy(store, {
    get: (target, name) => name === 'append' && isFirst
      ? async (...args: Parameters<Store['append']>) => { isFirst = false; await set(store, '*', null); return await store.append(...args) }
      : ((value) => typeof value === 'function' ? value.bind(target) : value)(target[name as keyof Store]),
  })
  await removeExpiredPins(racing, ledgerPins, NOW)
  t.same(await store.pins(), new Map([['*', pin(null)]]), 'the pin set meanwhile stays')
  await removeExpiredPins(store, ledgerPins, NOW)
  t.same(await store.pins(), new Map([['*', pin(null)]]), 'the ledger still has the old pin, the table has the new one')
})
