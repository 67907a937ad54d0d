import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { pino } from 'pino'
import t from 'tap'
import type { FitResult } from '../../../src/core/scores/fit-predictor.js'
import { readConfig } from '../../../src/service/config/config.js'
import { startLearnerThread } from '../../../src/service/learner/learner-thread.js'
import { driveClock } from '../../clock.js'
import { until } from '../../helper.js'

const config = readConfig({})

const script = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort, workerData } from 'node:worker_threads'; ${code}`)}`)

/** A thread that reports to lead, and closes on request. */
const OBEDIENT = `
  parentPort.postMessage({ status: { isLeader: true, refused: 3, problem: null } })
  parentPort.postMessage({ level: 'warn', fields: { levels: workerData.config.levels }, text: 'of the thread' })
  parentPort.postMessage({ change: { cause: 'drift' } })
  parentPort.postMessage({ fit: { result: 'none', seconds: 2 } })
  parentPort.once('message', (message) => { parentPort.postMessage({ level: 'info', fields: {}, text: message }); process.exit() })`

t.test('status, log lines and changes come from the thread, which closes on request', async (t) => {
  const lines: string[] = []
  const causes: string[] = []
  const fits: FitResult[] = []
  const learner = startLearnerThread({
    config,
    log: pino({}, { write: (line) => { lines.push(line) } }),
    onChange: ({ cause }) => { causes.push(cause) },
    onFit: (fit) => { fits.push(fit) },
    script: script(OBEDIENT),
  })
  await until('it leads', learner.isLeader)
  await until('its change and its fit came', () => causes.length + fits.length === 2)
  t.strictSame(fits, [{ result: 'none', seconds: 2 }])
  t.match([learner.refused(), learner.problem(), causes], [3, null, ['drift']])
  await learner.close()
  t.equal(learner.isLeader(), false)
  t.match(lines.map((line) => JSON.parse(line)), [{ level: 40, levels: ['model', 'task'], msg: 'of the thread' }, { level: 30, msg: 'close' }])
})

t.test('a failed thread is logged, reported and started again', async (t) => {
  const lines: string[] = []
  const log = pino({}, { write: (line) => { lines.push(line) } })
  const learner = startLearnerThread({ config, log, script: script('throw new Error("as planned")') })
  await until('it failed', () => learner.problem() !== null)
  t.match(learner.problem(), 'its thread ended: as planned')
  await until('it was started again, and failed again', () => lines.length >= 2)
  await learner.close()
  const count = lines.length
  t.ok(lines.every((line) => line.includes('the learner\'s thread ended and will be started again')))
  t.equal(learner.isLeader(), false)
  t.equal(lines.length, count)
})

t.test('a hanging thread is reported, ended and replaced', async (t) => {
  const clock = driveClock(t)
  const { port1: ours, port2 } = new MessageChannel()
  const lines: string[] = []
  const learner = startLearnerThread({
    config: readConfig({ REDIS_URL: 'redis://127.0.0.1' }), // the script in the thread never connects
    log: pino({}, { write: (line) => { lines.push(line) } }),
    onEnd () { ours.postMessage('ended') },
    hangsAfterMs: 3000,
    script: script(`
      parentPort.postMessage({ status: { isLeader: true, refused: 0, problem: null } })
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))`),
  })
  t.teardown(async () => {
    ours.close()
    const closing = learner.close()
    await clock.advance(3300, 300) // it hangs again, and is ended
    await closing
  })
  const reported = once(port2, 'message')
  await until('it leads', learner.isLeader)
  await clock.advance(3300, 300)
  t.match(learner.problem(), /its thread hangs: no sign of life for 3 s$/)
  await reported
  await until('it ended', () => /thread ended/.test(learner.problem()!))
  await clock.advance(1000)
  await until('another leads', learner.isLeader)
  t.equal(learner.problem(), null)
  t.match(lines.map((line) => JSON.parse(line).msg), ['the learner hangs', 'the learner\'s thread ended and will be started again'])
})

t.test('with the embedded store a hanging thread is reported until it recovers', async (t) => {
  const clock = driveClock(t)
  const shared = new Int32Array(new SharedArrayBuffer(4))
  let ends = 0
  const learner = startLearnerThread({
    config: Object.assign({}, config, { shared }),
    log: pino({ level: 'silent' }),
    onEnd () { ends++ },
    hangsAfterMs: 3000,
    script: script(`setImmediate(() => { Atomics.wait(workerData.config.shared, 0, 0); ${OBEDIENT} })`),
  })
  await clock.advance(3300, 300)
  t.match(learner.problem(), /its thread hangs.*; restart the service$/)
  t.equal(ends, 1)
  Atomics.store(shared, 0, 1)
  Atomics.notify(shared, 0)
  await until('it goes on', learner.isLeader)
  t.equal(learner.problem(), null)
  await learner.close()
})

t.test('an error keeps its class, code and stack in the log', async (t) => {
  const lines: string[] = []
  const plain = { type: 'LeaseLostError', message: 'as planned', stack: 'at there', code: 'ODD' }
  const learner = startLearnerThread({
    config,
    log: pino({}, { write: (line) => { lines.push(line) } }),
    script: script(`parentPort.postMessage({ level: 'error', fields: { err: ${JSON.stringify(plain)} }, text: 'failed' }); ${OBEDIENT}`),
  })
  await until('it leads', learner.isLeader)
  t.same(JSON.parse(lines[0]!).err, plain)
  await learner.close()
})

t.test('closing does not wait for a thread of the embedded store that hangs', async (t) => {
  const clock = driveClock(t)
  const shared = new Int32Array(new SharedArrayBuffer(4))
  t.teardown(() => {
    Atomics.store(shared, 0, 1)
    Atomics.notify(shared, 0)
  })
  const learner = startLearnerThread({
    config: Object.assign({}, config, { shared }),
    log: pino({ level: 'silent' }),
    hangsAfterMs: 300,
    script: script(`
      parentPort.postMessage({ status: { isLeader: true, refused: 0, problem: null } })
      setImmediate(() => Atomics.wait(workerData.config.shared, 0, 0))`),
  })
  await until('it leads', learner.isLeader)
  const closing = learner.close()
  closing.catch(() => {})
  await clock.advance(330, 30)
  await t.rejects(closing, /the learner's thread hangs/, 'the hang is found while closing')
  await t.rejects(learner.close(), /the learner's thread hangs/, 'the hang was found before')
})

t.test('contexts that a thread describes come in parts, and not at all if it fails', async (t) => {
  const hours = [{ at: 5 }]
  const learner = startLearnerThread({
    config,
    log: pino({ level: 'silent' }),
    script: script(`
      parentPort.postMessage({ status: { isLeader: true, refused: 0, problem: null } })
      parentPort.on('message', (order) => {
        if (order === 'close' || order.describeAt === 3) process.exit()
        const post = (described, describedAt = order.describeAt) => { parentPort.postMessage({ described, describedAt }) }
        post({ rows: ['of another time'], today: [] }, 0)
        post({ rows: ['a'], today: [] })
        if (order.describeAt === 2) post(new Error('as planned'))
        post({ rows: ['b'], today: ['b'] })
        post(${JSON.stringify(hours)})
      })`),
  })
  await until('it leads', learner.isLeader)
  const first = learner.describe(1)
  await t.rejects(learner.describe(1), { message: /already/ })
  t.same(await first, { rows: ['a', 'b'], today: ['b'], hours })
  await t.rejects(learner.describe(2), { message: 'as planned' })
  await t.rejects(learner.describe(3), { message: /ended/ })
  await learner.close()
})

t.test('a reader of all contexts does not wait until a thread that is silent counts as hanging', async (t) => {
  const clock = driveClock(t)
  const shared = new Int32Array(new SharedArrayBuffer(4))
  const learner = startLearnerThread({
    config: Object.assign({}, config, { shared }),
    log: pino({ level: 'silent' }),
    readerWaitsMs: 300,
    script: script(`
      parentPort.postMessage({ status: { isLeader: true, refused: 0, problem: null } })
      parentPort.on('message', (order) => {
        if (order === 'close') process.exit()
        Atomics.wait(workerData.config.shared, 0, 0)
        parentPort.postMessage({ described: [], describedAt: order.describeAt })
      })`),
  })
  await until('it leads', learner.isLeader)
  const describing = learner.describe(1)
  describing.catch(() => {})
  await clock.advance(330, 30)
  await t.rejects(describing, { message: /does not answer/ })
  await t.rejects(learner.describe(2), { message: /does not answer/ }, 'the next one waits no longer')
  t.equal(learner.problem(), null)
  Atomics.store(shared, 0, 1)
  Atomics.notify(shared, 0)
  await until('it goes on', async () => await learner.describe(3).catch(() => null))
  await learner.close()
})
