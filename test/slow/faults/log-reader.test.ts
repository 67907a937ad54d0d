import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { temporaryFolder, until } from '../../helper.js'
import { cli } from '../../service-process.js'

/** Their lines take far more room than the pipe and the buffer of its reader have. */
const REQUESTS = 5000

t.test('a service whose log is not read continues to answer, and ends on SIGTERM', async (t) => {
  const env = { PORT: '0', LOG_LEVEL: 'trace', DATA_DIR: await temporaryFolder(t) }
  const child = spawn(process.execPath, [cli, 'serve'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { child.kill('SIGKILL') })
  const exited = once(child, 'exit')
  const log: any[] = []
  const reader = createInterface(child.stdout).on('line', (line) => { log.push(JSON.parse(line)) })
  const { url } = await until('the service serves', () => log.find(({ msg }) => msg === 'stopgate is listening'))
  reader.close()
  child.stdout.pause()
  for (let i = 0; i < REQUESTS; i += 100) {
    const replies = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/unknown`)))
    t.ok(replies.every(({ status }) => status === 404))
    await Promise.all(replies.map((reply) => reply.arrayBuffer()))
  }
  child.kill()
  t.same(await exited, [0, null])
  const rest = await text(child.stdout)
  const told = rest.split('\n').filter((line) => line.includes('"answered"')).length
  t.ok(told > 0 && told < REQUESTS, `the pipe was full: ${told} of ${REQUESTS} requests are in the log`)
})
