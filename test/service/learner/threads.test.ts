import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads'
import t from 'tap'
import { serializeError, startWatchdog } from '../../../src/service/learner/threads.js'
import { driveClock } from '../../clock.js'

class OddError extends Error {
  override name = 'OddError'
  code = 'ODD'
  retry = () => {}
}

t.test('class, fields and cause of an error reach another thread', async (t) => {
  const error = new OddError('as planned', { cause: new TypeError('below') })
  const { port1, port2 } = new MessageChannel()
  port1.postMessage(serializeError(error))
  const { message } = receiveMessageOnPort(port2) as { message: object }
  port1.close()
  t.match(message, { type: 'OddError', message: 'as planned', code: 'ODD', stack: /threads\.test/, cause: { type: 'TypeError', message: 'below' } })
  t.notOk('retry' in message, 'functions are dropped')
})

t.test('fields that JSON cannot hold do not hide the error', async (t) => {
  const error = Object.assign(new RangeError('a'), { big: 1n, self: {} })
  error.self = error
  t.match(serializeError(error), { type: 'RangeError', message: 'a', stack: /threads\.test/ })
})

t.test('silence calls back once; a reset or closed watchdog does not', async (t) => {
  const clock = driveClock(t)
  const silent: string[] = []
  startWatchdog(50, () => { silent.push('silent') })
  const alive = startWatchdog(50, () => { silent.push('alive') })
  startWatchdog(50, () => { silent.push('closed') }).close()
  await clock.advance(49)
  t.same(silent, [])
  for (let i = 0; i < 20; i++) {
    alive.reset()
    await clock.advance(49)
  }
  t.same(silent, ['silent'])
  await clock.advance(100)
  t.same(silent, ['silent', 'alive'])
})

t.test('time in which the process itself was busy is not silence', async (t) => {
  let isSilent = false
  const watch = startWatchdog(50, () => { isSilent = true })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  watch.reset()
  t.notOk(isSilent)
  watch.close()
})

t.test('a thread does not run the modules that --import and NODE_OPTIONS have brought into the process', async (t) => {
  const hook = (name: string) => `--import=data:text/javascript,console.log('${name}')`
  const script = `
    const { WITHOUT_HOOKS } = await import(${JSON.stringify(new URL('../../../src/service/learner/threads.js', import.meta.url).href)})
    const { Worker } = await import('node:worker_threads')
    new Worker("console.log('thread')", { eval: true, ...WITHOUT_HOOKS })`
  const { stdout } = await promisify(execFile)(process.execPath, [hook('argument'), '--input-type=module', '--eval', script], { env: { ...process.env, NODE_OPTIONS: hook('environment') } })
  t.same(stdout.trim().split('\n').sort(), ['argument', 'environment', 'thread'], 'each hook runs once, in the process')
})
