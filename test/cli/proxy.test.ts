import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t from 'tap'
import { run, usage } from '../../src/cli/proxy.js'
import { flagOf, ProxySettingsSchema } from '../../src/proxy/proxy-settings.js'
import { cli } from '../service-process.js'
import { captureIo } from './command-line/captured-io.js'

t.test('each setting is explained, with its flag', async (t) => {
  for (const setting of Object.keys(ProxySettingsSchema.properties)) t.match(usage, new RegExp(`^  --${flagOf(setting)} +${setting} .*; default .+$`, 'm'))
})

t.test('a wrong line starts nothing', async (t) => {
  for (const args of [[], ['--upstream', 'x'], ['--upstream', 'http://x', 'more'], ['--nonsense', '1']]) await t.rejects(run(args, captureIo()), { name: 'UsageError' })
})

t.test('it says whether clients are trusted, and runs until SIGTERM', async (t) => {
  const args = ['proxy', '--upstream', 'http://127.0.0.1:9', '--service', 'http://127.0.0.1:9', '--port', '0', '--admin-port', '0']
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: {} })
  t.teardown(() => { child.kill('SIGKILL') })
  const log: string[] = []
  for await (const line of createInterface(child.stdout)) {
    log.push(line)
    if (JSON.parse(line).msg === 'stopgate proxy is listening') child.kill('SIGTERM')
  }
  if (child.exitCode === null) await once(child, 'exit')
  t.equal(child.exitCode, 0)
  t.match(JSON.parse(log[0]!), { trust_clients: false, msg: /^clients are not trusted/ })
})
