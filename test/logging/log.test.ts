import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { corruptionReporter, throttle } from '../../src/logging/log.js'
import { driveClock } from '../clock.js'
import { temporaryFolder, until } from '../helper.js'

const MODULE = JSON.stringify(new URL('../../src/logging/log.js', import.meta.url))

/**
 * Runs a script that has a `log`, with a pipe as standard output that nobody reads until the test does. `fails` resolves when a write to it
 * fails with a code: EAGAIN while it is full, EPIPE when its reader is gone.
 */
function runScript (t: Test, script: string) {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `
    import fs from 'node:fs'
    import { createLog } from ${MODULE}
    const log = createLog({ level: 'info' })
    const fill = (lines) => { for (let i = 0; i < lines; i++) log.info({ i, text: 'x'.repeat(1000) }, 'line') }
    const { write } = fs
    const fails = (code) => new Promise((resolve) => {
      fs.write = (...args) => {
        const done = args.pop()
        write(...args, (error, ...results) => { done(error, ...results); if (error?.code === code) resolve() })
      }
    })
    ${script}`], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let errors = ''
  child.stderr!.on('data', (chunk) => { errors += chunk })
  return { child, stdout: child.stdout!, exited: once(child, 'exit'), closed: once(child, 'close'), errors: () => errors }
}

/** Ends the reading of the log, then tells the process. */
async function loseReader ({ child, stdout }: ReturnType<typeof runScript>): Promise<void> {
  stdout.destroy()
  await once(stdout, 'close')
  child.send('nobody reads')
}

t.test('a process whose log is not read still ends', async (t) => {
  const { exited, errors } = runScript(t, "const isFull = fails('EAGAIN'); fill(2000); await isFull; process.exit(3)")
  t.same(await exited, [3, null])
  t.equal(errors(), '')
})

t.test('a fatal line does not block a process whose log is not read', async (t) => {
  const { exited } = runScript(t, "const isFull = fails('EAGAIN'); fill(2000); await isFull; log.fatal('an error'); process.exit(3)")
  t.same(await exited, [3, null])
})

t.test('a process whose log has lost its reader goes on and ends', async (t) => {
  const run = runScript(t, `process.once('message', async () => {
    const isGone = fails('EPIPE')
    fill(100)
    await isGone
    fill(100)
    process.exit(3)
  })`)
  await loseReader(run)
  t.same(await run.exited, [3, null])
  t.equal(run.errors(), '')
})

t.test('a process that loses the reader of its log and ends at once does not wait', async (t) => {
  const run = runScript(t, "process.once('message', () => { fill(100); process.exit(3) })")
  await loseReader(run)
  t.same(await run.exited, [3, null])
})

t.test('lines beyond the limit are dropped, which the log says once it is read again', async (t) => {
  const { child, stdout, closed } = runScript(t, "fill(20_000); process.once('message', () => { log.info('the last line'); process.exit(0) })")
  const lines: any[] = []
  createInterface(stdout).on('line', (line) => { lines.push(JSON.parse(line)) })
  const { count } = await until('the warning', () => lines.find(({ msg }) => msg === 'log lines were dropped because standard output did not take them'))
  const written = lines.filter(({ msg }) => msg === 'line')
  t.ok(count > 0)
  t.equal(written.length + count, 20_000, 'each line is written or counted')
  t.same(written.map(({ i }) => i), written.map((_, i) => i), 'the lines before the limit are written in order')
  child.send('end')
  await closed
  t.equal(lines.at(-1).msg, 'the last line')
})

t.test('a full disk silences the log only while it is full', { skip: existsSync('/dev/full') ? false : 'needs /dev/full' }, async (t) => {
  const script = `
    import { closeSync, openSync } from 'node:fs'
    import { createLog } from ${MODULE}
    const log = createLog({ level: 'info' })
    for (let i = 0; i < 10_000; i++) log.info('x'.repeat(1000))
    process.once('message', () => {
      closeSync(1)
      openSync(process.env.FILE, 'w')
    })
    process.on('message', () => log.info('y'.repeat(1000))) // as long as the others, so that it has no room before they are written
    process.send('filled')`
  const FILE = join(await temporaryFolder(t), 'log')
  const full = openSync('/dev/full', 'w')
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, FILE }, stdio: ['ignore', full, 'inherit', 'ipc'] })
  closeSync(full)
  t.teardown(() => { child.kill('SIGKILL') })
  await once(child, 'message')
  const text = await until('lines are written', () => {
    child.send('there is room')
    return existsSync(FILE) && /"y{1000}"/.test(readFileSync(FILE, 'utf8')) && readFileSync(FILE, 'utf8')
  })
  t.match(text, 'log lines were dropped because standard output did not take them')
})

t.test('corruption is logged and counted only where there is any', async (t) => {
  const lines: string[] = []
  const counted: unknown[] = []
  const tell = corruptionReporter(pino({}, { write: (line: string) => { lines.push(line) } }), (...what) => { counted.push(what) })
  tell('pending', 0)
  tell('pending', 2, { ids: ['a', 'b'] })
  t.match(lines.map((line) => JSON.parse(line)), [{ level: 50, what: 'pending', count: 2, ids: ['a', 'b'] }])
  t.same(counted, [['pending', 2]])
})

const EVERY_MS = 100

t.test('the first event is reported at once, and the rest of a burst together', async (t) => {
  const clock = driveClock(t)
  let count = 0
  const said: number[] = []
  const tell = throttle(() => {
    said.push(count)
    count = 0
  }, EVERY_MS)
  const happens = () => { count++; tell() }
  for (let i = 0; i < 1000; i++) happens()
  t.same(said, [1])
  await clock.advance(EVERY_MS - 1)
  t.same(said, [1], 'not before it is time')
  await clock.advance(1)
  t.same(said, [1, 999])
  happens()
  await clock.advance(EVERY_MS - 1)
  t.same(said, [1, 999])
  await clock.advance(1)
  t.same(said, [1, 999, 1])
  await clock.advance(EVERY_MS)
  happens()
  t.same(said, [1, 999, 1, 1], 'at once after a pause')
})

t.test('the timer does not keep the process alive', async (t) => {
  const url = new URL('../../src/logging/log.js', import.meta.url)
  const script = `import { throttle } from ${JSON.stringify(url)}; const tell = throttle(() => console.log('said'), 60_000); tell(); tell()`
  const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', timeout: 20_000 })
  t.same([stdout, status], ['said\n', 0])
})
