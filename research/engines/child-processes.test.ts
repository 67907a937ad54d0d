import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { until } from '../../test/helper.js'
import { firstLine, lastLine } from './child-processes.js'

const node = (code: string) => spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })

const exists = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('a process that ends before it prints anything is an error', async (t) => {
  await t.rejects(firstLine(node('process.exit(3)'), 'the judge'), { message: 'the judge ended with 3 before it printed anything' })
  t.equal(await firstLine(node('console.log("http://127.0.0.1:1"); console.log("more")'), 'the judge'), 'http://127.0.0.1:1')
})

t.test('the last line of a process that has already ended is known', async (t) => {
  const child = node('console.log("first"); console.log("last")')
  const last = lastLine(child)
  await once(child, 'close')
  t.equal(await last, 'last')
})

t.test('registered processes end with the one that has started them', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const parent = node(`
      import { spawn } from 'node:child_process'
      import { once } from 'node:events'
      import { endingOnSignal, registered } from '${new URL('child-processes.js', import.meta.url).href}'
      await endingOnSignal(async () => {
        const child = registered(spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']))
        console.log(child.pid)
        await once(child, 'exit')
        throw new Error('the child ended')
      }, () => { console.log('cleaned up') })`)
    const last = lastLine(parent)
    const pid = Number(await firstLine(parent, 'the parent'))
    t.teardown(() => { if (exists(pid)) process.kill(pid, 'SIGKILL') })
    t.ok(exists(pid))
    parent.kill(signal)
    t.equal(await last, 'cleaned up', signal)
    t.equal(parent.exitCode, signal === 'SIGTERM' ? 143 : 130)
    await until('the child has ended', () => !exists(pid))
  }
})
