import t from 'tap'
import { startWatchdog } from '../../src/learning/watchdog.js'
import { until } from '../helper.js'

t.test('silence calls back once; a reset or closed watchdog does not', async (t) => {
  const silent: string[] = []
  startWatchdog(50, () => { silent.push('silent') })
  const alive = startWatchdog(50, () => { silent.push('alive') })
  startWatchdog(50, () => { silent.push('closed') }).close()
  await until('the first is silent', () => { alive.reset(); return silent.length > 0 })
  startWatchdog(100, () => { silent.push('later') })
  await until('a later one is silent', () => { alive.reset(); return silent.includes('later') })
  t.same(silent, ['silent', 'later'])
  alive.close()
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
