import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { temporaryFolder, until } from '../../helper.js'
import { cli } from '../../service-process.js'

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
  for (let i = 0; i < 50; i++) {
    const replies = await Promise.all(Array.from({ length: 100 }, () => fetch(`${url}/unknown`)))
    t.ok(replies.every(({ status }) => status === 404))
    await Promise.all(replies.map((reply) => reply.arrayBuffer()))
  }
  const endsAt = performance.now()
  child.kill()
  t.same(await exited, [0, null])
  t.ok(performance.now() - endsAt > 1000, 'the pipe was full, so that the service waited for its reader')
})
