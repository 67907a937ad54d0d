import { pathToFileURL } from 'node:url'
import { pino } from 'pino'
import t from 'tap'
import { gradeOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import { readConfig } from '../../../src/service/config/config.js'
import { startLearnerThread } from '../../../src/service/learner/learner-thread.js'
import { describeHere } from '../../../src/service/snapshot/describe-contexts.js'
import { createStore } from '../../../src/store/open/create-store.js'
import type { Store } from '../../../src/store/store.js'
import { KEY, losslessOutcome, report } from '../../certify.js'
import { driveClock } from '../../clock.js'
import { temporaryFolder, until } from '../../helper.js'
import { startRedis, withoutRedis } from '../../redis-server.js'
import { learnerWorker, startProcess } from '../../service-process.js'
import { ALL_CONTROL, QUICK_TIMES } from '../../quick-policy.js'
import { atTestCadence } from '../../test-cadence.js'

/** The learner's thread in one file, which loads three times as fast as its modules. */
const WORKER = pathToFileURL(learnerWorker)

/** The learner's thread, which runs code when it is told a word. */
function inThread (word: string, code: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(`import ${JSON.stringify(WORKER.href)}
    const channel = new BroadcastChannel('${word}')
    channel.onmessage = () => { ${code} }
    channel.unref()`)}`)
}

function tell (word: string): void {
  const channel = new BroadcastChannel(word)
  channel.postMessage('now')
  channel.close()
}

/** Whether the learner has begun to learn what was reported. */
async function hasLearned (store: Store, reported: number): Promise<boolean> { return (await store.revision()).lag < reported }

t.test('the learner learns in its thread from the store of the process', async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), ...ALL_CONTROL }, { times: QUICK_TIMES })
  await until('it leads', async () => (await service.get('/readyz')).body.learner.leader)
  await report(service.post, [losslessOutcome('one')])
  await until('it is learned', async () => (await service.get(`/v1/contexts/${encodeURIComponent(KEY)}`)).body.generations?.control === 1)
  await until('its log line arrived', () => service.log.find(({ msg }) => msg === 'this replica is the learner'))
  service.child.kill('SIGTERM')
  t.same(await service.exited, { code: 0, signal: null })
  t.ok(service.log.some(({ msg }) => msg === 'this replica is no longer the learner'), 'it released the lease')
})

t.test('after an uncaught exception the store is intact and every outcome counts once', async (t) => {
  const config = readConfig({ DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: atTestCadence(ALL_CONTROL.DEFAULT_POLICY), LEASE_SECONDS: '2' })
  const store = await createStore(config)
  t.teardown(() => store.close())
  const failures: string[] = []
  const errors: object[] = []
  const log = pino({}, {
    write (line) {
      const { reason, err } = JSON.parse(line)
      if (reason === 'out of nowhere') failures.push(line)
      if (err !== undefined) errors.push(err)
    },
  })
  const script = inThread('fail', "throw new RangeError('out of nowhere')")
  const learner = startLearnerThread({ config, log, script })
  t.teardown(() => learner.close())
  let reported = 0
  await until('the thread has failed', async () => {
    await store.append(Array.from({ length: 50 }, () => gradeOutcome('salt', losslessOutcome(`g${reported++}`) as ReportedOutcome)))
    if (await hasLearned(store, reported)) tell('fail')
    return failures.length > 0
  })
  await learner.close()
  t.match(errors[0], { type: 'RangeError', message: 'out of nowhere', stack: /out of nowhere\n +at / })
  const calm = startLearnerThread({ config, log, script: WORKER })
  t.teardown(() => calm.close())
  await until('all are learned', async () => (await store.revision()).lag === 0)
  const now = Date.now() + 60_000
  const described = await until('the thread has opened its store', () => calm.describe(now).catch(() => null))
  t.match(described.rows.find(({ key }) => key === KEY), { generations_per_hour: Number })
  t.same(described, await describeHere(store, config, now), 'the thread describes contexts as this one would')
  await calm.close()
  await t.rejects(calm.describe(now))
  t.equal((await store.readContexts([KEY])).get(KEY)!.reports.generations, reported)
})

t.test('a hanging learner is replaced, and every outcome counts once', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t)
  // Long enough for a learner on a busy machine to renew its lease in time.
  const config = readConfig({ REDIS_URL: redis.url, DEFAULT_POLICY: atTestCadence(ALL_CONTROL.DEFAULT_POLICY), LEASE_SECONDS: '2' })
  const store = await createStore(config)
  t.teardown(() => store.close())
  const script = inThread('hang', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)')
  const ends: string[] = []
  const learner = startLearnerThread({ config, log: pino({ level: 'silent' }), script, hangsAfterMs: 5000, onEnd () { ends.push('end') } })
  t.teardown(() => learner.close())
  let reported = 0
  const clock = driveClock(t)
  let isTold = false
  await until('the thread has been given up', async () => {
    await store.append(Array.from({ length: 20 }, () => gradeOutcome('salt', losslessOutcome(`g${reported++}`) as ReportedOutcome)))
    if (!isTold && await hasLearned(store, reported)) {
      isTold = true
      tell('hang')
    }
    if (isTold) await clock.advance(500)
    return ends.length > 0
  })
  await until('its end is known', () => /thread ended/.test(learner.problem()!))
  await clock.advance(1000)
  await until('another has learned all', async () => (await store.revision()).lag === 0)
  await learner.close()
  t.equal((await store.readContexts([KEY])).get(KEY)!.reports.generations, reported)
  t.equal(ends.length, 1)
})
