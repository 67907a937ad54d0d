import { pino } from 'pino'
import t from 'tap'
import { readConfig } from '../src/config.js'
import { startLearnerThread } from '../src/learner-thread.js'
import type { FitEnd } from '../src/timed-fit.js'
import { until } from './helper.js'

const config = readConfig({})

const script = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort, workerData } from 'node:worker_threads'; ${code}`)}`)

/** A thread that says it leads, and does as it is told. */
const OBEDIENT = `
  parentPort.postMessage({ status: { isLeader: true, refused: 3, problem: null } })
  parentPort.postMessage({ level: 'warn', fields: { levels: workerData.levels }, text: 'of the thread' })
  parentPort.postMessage({ change: { cause: 'drift' } })
  parentPort.postMessage({ fit: { result: 'none', seconds: 2 } })
  parentPort.once('message', (message) => { parentPort.postMessage({ level: 'info', fields: {}, text: message }); process.exit() })`

t.test('status, log and changes come from the thread, which is told to close', async (t) => {
  const lines: string[] = []
  const causes: string[] = []
  const fits: FitEnd[] = []
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

t.test('one that fails is logged, told of, and started again', async (t) => {
  const lines: string[] = []
  const log = pino({}, { write: (line) => { lines.push(line) } })
  const learner = startLearnerThread({ config, log, script: script('throw new Error("as planned")') })
  await until('it failed', () => learner.problem() !== null)
  t.match(learner.problem(), 'its thread ended: as planned')
  await until('it was started again, and failed again', () => lines.length >= 2)
  await learner.close()
  const count = lines.length
  t.ok(lines.every((line) => line.includes('the learner\'s thread ended and is started again')))
  t.equal(learner.isLeader(), false)
  t.equal(lines.length, count)
})
