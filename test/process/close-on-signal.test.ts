import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'

const MODULE = new URL('../../src/process/close-on-signal.js', import.meta.url).href

/** A process that says that it closes, and does so by `close`. */
async function start (t: Test, close: string, then = '') {
  const code = `
    import { closeOnSignal } from ${JSON.stringify(MODULE)}
    setInterval(() => {}, 1000)
    const takeBack = closeOnSignal(10_000, async ({ signal, err }) => { console.log('closing ' + (signal ?? err.message)); ${close} })
    console.log('runs')
    ${then}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const lines: string[] = []
  let waiting = { line: '', resolve: () => {} }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.trim().split('\n'))
    if (lines.includes(waiting.line)) waiting.resolve()
  })
  const said = async (line: string) => { if (!lines.includes(line)) await new Promise<void>((resolve) => { waiting = { line, resolve } }) }
  await said('runs')
  return { child, said, ended: once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]> }
}

t.test('a signal that comes twice at once is one', async (t) => {
  const { child, said, ended } = await start(t, 'await go', 'const go = new Promise((resolve) => process.once("SIGUSR1", resolve))')
  child.kill('SIGINT')
  await said('closing SIGINT')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  child.kill('SIGUSR1')
  t.same(await ended, [0, null])
})

t.test('who sends another later will not wait', async (t) => {
  const { child, said, ended } = await start(t, 'setTimeout(() => console.log("later"), 1100); await new Promise(() => {})')
  child.kill('SIGTERM')
  await said('later')
  child.kill('SIGTERM')
  t.same(await ended, [1, null])
})

t.test('an error that nobody caught closes it too, and ends it with 1', async (t) => {
  const { said, ended } = await start(t, '', 'throw new Error("out of nowhere")')
  await said('closing out of nowhere')
  t.same(await ended, [1, null])
})

t.test('taken back, signals do what they do', async (t) => {
  const { child, ended } = await start(t, '', 'takeBack()')
  child.kill('SIGTERM')
  t.same(await ended, [null, 'SIGTERM'])
})
