import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'

const MODULE = new URL('../../../src/service/process/close-on-signal.js', import.meta.url).href

const withoutNamespaces = spawnSync('unshare', ['--user', '--map-root-user', '--pid', '--fork', 'true']).status !== 0 && 'no PID namespaces'

/** Starts a process that logs when it begins to close and then runs the code in `close`. */
async function start (t: Test, close: string, { then = '', delayMs = 600_000, isFirst = false } = {}) {
  const code = `
    import { closeOnSignal } from ${JSON.stringify(MODULE)}
    process.stdin.resume() // so that it runs until it is ended
    const log = { fatal: ({ reason }) => console.log(reason) }
    const undo = closeOnSignal({ delayMs: ${delayMs}, log }, async ({ signal, err }) => { console.log('closing ' + (signal ?? err.message)); ${close} })
    ${then}
    console.log('runs')`
  const node = [process.execPath, '--input-type=module', '--eval', code]
  const [file, ...args] = isFirst ? ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--kill-child', ...node] : node
  const child = spawn(file!, args, { stdio: ['pipe', 'pipe', isFirst ? 'ignore' : 'inherit'] })
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
  const { child, printed, ended } = await start(t, 'await go', {
    then: 'const go = new Promise((resolve) => process.once("SIGUSR1", resolve)); performance.now = () => 0',
  })
  child.kill('SIGINT')
  await printed('closing SIGINT')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  child.kill('SIGUSR1')
  t.same(await ended, [0, null])
})

t.test('a second signal after a second ends the process at once', async (t) => {
  const { child, printed, ended } = await start(t, 'at = 1001; console.log("later"); await new Promise(() => {})', {
    then: 'let at = 0; performance.now = () => at',
  })
  child.kill('SIGTERM')
  await printed('later')
  child.kill('SIGTERM')
  t.same(await ended, [null, 'SIGKILL'])
  await printed('a second signal: SIGTERM')
})

t.test('the process ends at the time limit', async (t) => {
  const { child, printed, ended } = await start(t, 'await new Promise(() => {})', { delayMs: 100 })
  child.kill('SIGTERM')
  t.same(await ended, [null, 'SIGKILL'])
  await printed('closing took longer than 0.1 s')
})

t.test('the process ends at once if closing fails', async (t) => {
  const { child, printed, ended } = await start(t, 'throw new Error("it hangs")')
  child.kill('SIGTERM')
  t.same(await ended, [null, 'SIGKILL'])
  await printed('closing failed')
})

t.test('the first process of a container, which ignores its own SIGKILL, ends as well', { skip: withoutNamespaces }, async (t) => {
  const { printed, ended } = await start(t, 'await new Promise(() => {})', { delayMs: 100, isFirst: true, then: 'process.emit("SIGTERM", "SIGTERM")' })
  await printed('closing took longer than 0.1 s')
  const [code, signal] = await ended
  t.notOk(code === 0 && signal === null, `${code} ${signal}`)
})

t.test('signals by which the kernel ends a process after a fault are not handled', async (t) => {
  const faults = ['SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP', 'SIGABRT']
  const handled = `${JSON.stringify(faults)}.filter((fault) => process.listenerCount(fault) > 0)`
  const { child, printed, ended } = await start(t, '', { then: `console.log('handles ' + ${handled}.length)` })
  await printed('handles 0')
  child.kill('SIGSEGV')
  t.same(await ended, [null, 'SIGSEGV'])
})

t.test('an uncaught error closes the process in order and ends it with exit code 1', async (t) => {
  const { printed, ended } = await start(t, '', { then: 'setImmediate(() => { throw new Error("out of nowhere") })' })
  await printed('closing out of nowhere')
  t.same(await ended, [1, null])
})

t.test('after closeOnSignal is undone, a signal has its default effect', async (t) => {
  const { child, ended } = await start(t, '', { then: 'undo()' })
  child.kill('SIGTERM')
  t.same(await ended, [null, 'SIGTERM'])
})
