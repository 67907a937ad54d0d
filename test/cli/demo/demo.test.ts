import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { run } from '../../../src/cli/demo/demo.js'
import { startTemporaryService } from '../../../src/cli/command-line/temporary-service.js'
import { cli } from '../../service-process.js'
import { captureIo } from '../command-line/captured-io.js'

t.test('the demo names its page, and an interrupt ends it with a summary', async (t) => {
  const child = spawn(process.execPath, [cli, 'demo', '--port', '0', '--width', '8'], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const ended = once(child, 'exit')
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (line.startsWith('Watch it')) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+\//.exec(line)!
      t.equal((await fetch(`${url}livez`)).status, 200)
      child.kill('SIGINT')
    }
  }
  t.strictSame(await ended, [0, null])
  t.match(lines.join('\n'), /All models: \d+ generations/)
})

t.test('bad flags and a port that is in use are refused', async (t) => {
  const io = captureIo()
  const handlers = process.listenerCount('SIGINT')
  await t.rejects(run(['x'], io), { name: 'UsageError', message: /takes no arguments/ })
  await t.rejects(run(['--width', '0'], io), { name: 'UsageError', message: /--width must be/ })
  const taken = await startTemporaryService('taken', { LOG_LEVEL: 'silent', PORT: '0' })
  t.teardown(() => taken.close())
  await t.rejects(run(['--port', new URL(taken.url).port], io), { name: 'CommandError', message: /PORT \d+ is in use/ })
  t.equal(process.listenerCount('SIGINT'), handlers, 'no handler is left')
})
