import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'

const MODULE = new URL('../../../src/service/process/close-on-signal.js', import.meta.url).href

/** Starts a process that logs when it begins to close and then runs the code in `close`. */
async function start (t: Test, close: string, then = '') {
  const code = `
    import { closeOnSignal } from ${JSON.stringify(MODULE)}
    setInterval(() => {}, 1000)
    const undo = closeOnSignal(10_000, async ({ signal, err }) => { console.log('closing ' + (signal ?? err.message)); ${close} })
    ${then}
    console.log('runs')`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines: string[] = []
  let waiting = { line: '', resolve: () => {} }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.trim().split('\n'))
    if (lines.includes(waiting.line)) waiting.resolve()
  })
  const printed = async (line: string) => {
    if (!lines.includes(line)) await new Promise<void>((resolve) => { waiting = { line, resolve } })
  }
  await printed('runs')
  return { child, printed, ended: once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]> }
}

t.test('signals that arrive together count as one', async (t) => {
  const { child, printed, ended } = await start(t, 'await go', 'const go = new Promise((resolve) => process.once("SIGUSR1", resolve))')
  child.kill('SIGINT')
  await printed('closing SIGINT')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  child.kill('SIGUSR1')
  t.same(await ended, [0, null])
})

t.test('a second signal after a second ends the process at once', async (t) => {
  const { child, printed, ended } = await start(t, 'setTimeout(() => console.log("later"), 1100); await new Promise(() => {})')
  child.kill('SIGTERM')
  await printed('later')
  child.kill('SIGTERM')
  t.same(await ended, [1, null])
})

t.test('an uncaught error closes the process in order and ends it with exit code 1', async (t) => {
  const { printed, ended } = await start(t, '', 'setImmediate(() => { throw new Error("out of nowhere") })')
  await printed('closing out of nowhere')
  t.same(await ended, [1, null])
})

t.test('after closeOnSignal is undone, a signal has its default effect', async (t) => {
  const { child, ended } = await start(t, '', 'undo()')
  child.kill('SIGTERM')
  t.same(await ended, [null, 'SIGTERM'])
})
