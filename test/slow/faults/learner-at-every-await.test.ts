import { pino } from 'pino'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/service/config/config.js'
import type { StoredSlice } from '../../../src/core/evidence/stored-cohort.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import { startLearner } from '../../../src/service/learner/learner.js'
import { createStore } from '../../../src/store/open/create-store.js'
import type { Store } from '../../../src/store/store.js'
import { KEY, losslessOutcome } from '../../certify.js'
import { memoryFold } from '../../core/learn/memory-fold.js'
import { temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { startProxy } from '../../faults/proxy.js'
import { StoreUnavailableError } from '../../../src/store/store-errors.js'
import { storeCohort } from '../../../src/core/evidence/cohorts.js'
import { atTestCadence } from '../../test-cadence.js'

// A learner dies at its first await, the next one at its second, and so on until one survives. Its last request is either lost, or takes
// effect without its knowledge. Another learner folds the rest, and requests of the dead one arrive late.

t.jobs = 2
const POLICY = { follow_up_seconds: 86_400, evidence_span_seconds: 0 }
const log = pino({ level: 'silent' })
const config = readConfig({ DEFAULT_POLICY: atTestCadence(JSON.stringify(POLICY)), LEASE_SECONDS: '0.1' })
/** Outcomes of each round that count at once. Beside them, one comes before its enrolment and one waits for its label. */
const PER_ROUND = 5

interface Mortal {
  readonly store: Store
  readonly isDead: () => boolean
  /** Rejects the calls that still wait, and delivers the requests under way. */
  readonly bury: () => Promise<void>
}

function entriesOf (round: number): LogEntry[] {
  const graded = (outcome: object) => gradeOutcome('salt', outcome as ReportedOutcome)
  const early = graded(losslessOutcome(`early${round}`))
  const outcomes = Array.from({ length: PER_ROUND }, (_, i) => graded(losslessOutcome(`g${round}-${i}`)))
  const { em: _, ...unlabelled } = losslessOutcome(`late${round}`)
  const late = graded({ ...unlabelled, steps: [{ tokens: 32, confidence: 0.99, em: 0 }] })
  const draws = [early, ...outcomes, late].map(({ u, hash }) => [u, hash] as const)
  const list = { type: 'enrolment', boot: 'b', number: round, age: 0, entries: [{ key: KEY, epoch: null, share: 1, draws }] } as const
  return [early, list, ...outcomes, late, { type: 'label', generation_id: `late${round}`, em: 1 }]
}

async function diesEverywhere (t: Test, store: Store, mortal: (at: number, isDone: boolean) => Promise<Mortal>): Promise<void> {
  const fold = memoryFold(POLICY)
  let round = 0
  const report = async () => {
    const entries = entriesOf(round++)
    await store.append(entries)
    for (const entry of entries) fold.append(entry)
  }
  for (const isDone of [false, true]) {
    for (let at = 1, isAlive = false; !isAlive; at++) {
      await report()
      const dying = await mortal(at, isDone)
      const learner = startLearner({ store: dying.store, config, log })
      await until('the learner is dead or has learned everything', async () => dying.isDead() || (await store.revision()).lag === 0)
      isAlive = !dying.isDead()
      const heir = startLearner({ store, config, log })
      await report() // so that the next learner is ahead of the dead one
      await until('the heir has learned everything', async () => heir.isLeader() && (await store.revision()).lag === 0)
      await dying.bury()
      await learner.close()
      await heir.close()
      t.pass(`the learner died at await ${at}, ${isDone ? 'after' : 'before'} the call took effect`)
      if (at > 30) throw new Error('no learner has survived')
    }
  }
  t.ok(round >= 12, 'a learner has several awaits at which to die')
  const { contexts, pending, cohorts } = await store.learned()
  t.equal(pending.length, 0)
  t.same([...contexts.keys()].sort(), [...fold.states.keys()].sort())
  for (const [key, state] of fold.states) {
    const { reports: { generations, follow_up }, epoch: { number: epoch } } = contexts.get(key)!
    t.same({ generations, follow_up, epoch }, { generations: round * (PER_ROUND + 2), follow_up: state.reports.follow_up, epoch: 1 }, key)
  }
  const { slices, members, early } = cohorts.get(KEY)!
  t.same([slices.length, members, early], [1, { runs: [], units: '', hashes: '' }, []], 'every enrolled generation is accounted for')
  const [{ begins: _, ...slice }] = slices as [StoredSlice]
  const { begins: __, ...expected } = storeCohort(fold.cohorts.get(KEY)!).slices[0]!
  t.same(slice, expected)
  t.equal(slice.enrolled, round * (PER_ROUND + 2))
  t.equal(contexts.get(KEY)!.reports.follow_up.labels_given, round)
}

t.test('embedded', { buffered: true }, async (t) => {
  const store = await createStore({ dataDir: await temporaryFolder(t) })
  t.teardown(() => store.close())
  await diesEverywhere(t, store, async (at, isDone) => {
    let calls = 0
    let isDead = false
    let end = () => {}
    const grave = new Promise<never>((_resolve, reject) => { end = () => { reject(new StoreUnavailableError('dead')) } })
    grave.catch(() => {})
    const view = new Proxy(store, {
      get: (target, name) => async (...args: unknown[]) => {
        if (!isDead && ++calls < at) return (target[name as keyof Store] as (...args: unknown[]) => unknown)(...args)
        if (!isDead && isDone) await (target[name as keyof Store] as (...args: unknown[]) => Promise<unknown>)(...args)
        isDead = true
        return await grave
      },
    })
    return { store: view, isDead: () => isDead, bury: async () => { end() } }
  })
})

t.test('each outcome counts once at whichever Redis command a learner dies', { skip: withoutRedis, buffered: true }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const open = async (redisUrl: string) => createStore({ redisUrl, dataDir: '', redisTimeoutMs: 20_000 })
  const store = await open(redis.url)
  t.teardown(() => store.close())
  await diesEverywhere(t, store, async (at, isDone) => {
    const proxy = await startProxy(t, redis.port)
    let commands = 0
    let isDead = false
    proxy.judge = (name) => {
      if (!['eval', 'evalsha', 'xread'].includes(name) || ++commands < at) return 'pass'
      isDead = true
      return isDone ? 'last' : 'none'
    }
    const dying = await open(proxy.url)
    return {
      store: dying,
      isDead: () => isDead,
      async bury () {
        proxy.judge = null
        proxy.heal()
        await dying.close()
      },
    }
  })
})
