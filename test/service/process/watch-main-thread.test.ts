import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../../helper.js'

const MODULE = new URL('../../../src/service/process/watch-main-thread.js', import.meta.url).href

/** Runs code in a process that ends if its main thread hangs for half a second. It may tell the test that it runs. */
function start (t: Test, code: string) {
  const script = `
    import { existsSync } from 'node:fs'
    import { watchMainThread } from ${JSON.stringify(MODULE)}
    const unwatch = watchMainThread(500)
    ${code}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  t.teardown(() => { child.kill('SIGKILL') })
  return { child, stderr: text(child.stderr!), end: once(child, 'exit'), runs: once(child, 'message') }
}

/** Waits as long as it takes to end a process that hangs: by then, one that started before would have been ended, too. */
async function hangAndEnd (t: Test) {
  const { stderr, end } = start(t, 'setImmediate(() => { for (;;); })')
  return { end: await end, stderr: await stderr }
}

t.test('a process whose main thread hangs is ended, and says why', async (t) => {
  const { stderr, end } = await hangAndEnd(t)
  t.same(end, [null, 'SIGKILL'])
  t.match(stderr, 'its main thread has done nothing for 0.5 s')
})

t.test('a process whose main thread works is not, and the watch does not keep it alive', async (t) => {
  const { child, end, runs } = start(t, "process.once('message', () => {}); process.send('runs')")
  await runs
  await hangAndEnd(t)
  child.send('end')
  t.same(await end, [0, null])
})

t.test('a watch that has ended lets the main thread hang', async (t) => {
  const file = join(await temporaryFolder(t), 'end')
  const { end, runs } = start(t, `unwatch(); process.send('runs', () => { while (!existsSync(${JSON.stringify(file)})); process.disconnect() })`)
  await runs
  await hangAndEnd(t)
  writeFileSync(file, '')
  t.same(await end, [0, null])
})
