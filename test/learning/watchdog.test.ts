import t from 'tap'
import { startWatchdog } from '../../src/learning/watchdog.js'
import { until } from '../helper.js'

t.test('silence is told once; who is heard is not silent, nor one that is no longer watched', async (t) => {
  const silent: string[] = []
  startWatchdog(50, () => { silent.push('silent') })
  const heard = startWatchdog(50, () => { silent.push('heard') })
  startWatchdog(50, () => { silent.push('closed') }).close()
  await until('one is silent', () => { heard.heard(); return silent.length > 0 })
  startWatchdog(100, () => { silent.push('later') })
  await until('another is', () => { heard.heard(); return silent.includes('later') })
  t.same(silent, ['silent', 'later'])
  heard.close()
})

t.test('a process that was busy itself does not take others for silent', async (t) => {
  let isSilent = false
  const watch = startWatchdog(50, () => { isSilent = true })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  watch.heard()
  t.notOk(isSilent)
  watch.close()
})
