import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { cli } from '../../service-process.js'

const worker = fileURLToPath(new URL('conformance-worker.js', import.meta.url))

t.test('the proxy conforms', { timeout: 240_000 }, async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'conformance', '--', process.execPath, worker]).catch((error) => error)
  t.notMatch(stdout, /^not ok/m)
  t.match(stdout, /^# \d+ passed, 0 failed/m)
  t.match(stdout, /^ok \d+ - stops: it stops when told$/m)
})
