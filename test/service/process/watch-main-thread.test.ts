import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import t from 'tap'

const MODULE = new URL('../../../src/service/process/watch-main-thread.js', import.meta.url).href

/** Runs code in a process that ends if its main thread hangs for half a second. */
async function run (code: string) {
  const script = `
    import { watchMainThread } from ${JSON.stringify(MODULE)}
    const unwatch = watchMainThread(500)
    ${code}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'ignore', 'pipe'] })
  const [stderr, end] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return { stderr, end }
}

t.test('a process whose main thread hangs is ended, and says why', async (t) => {
  const { stderr, end } = await run('setTimeout(() => { for (;;); }, 200)')
  t.same(end, [null, 'SIGKILL'])
  t.match(stderr, 'its main thread has done nothing for 0.5 s')
})

t.test('a process whose main thread works is not, and the watch does not keep it alive', async (t) => {
  const { end } = await run('setTimeout(() => {}, 1500)')
  t.same(end, [0, null])
})

t.test('a watch that has ended lets the main thread hang', async (t) => {
  const { end } = await run('unwatch(); setTimeout(() => { const end = Date.now() + 1500; while (Date.now() < end); }, 100)')
  t.same(end, [0, null])
})
