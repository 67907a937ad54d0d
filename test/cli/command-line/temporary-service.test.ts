import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import t from 'tap'
import { startTemporaryService } from '../../../src/cli/command-line/temporary-service.js'

const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('stopgate-temporary-'))

t.test('the service keeps its store in a folder that is gone once it has closed', async (t) => {
  const service = await startTemporaryService('temporary', { LOG_LEVEL: 'silent', PORT: '0', DATA_DIR: '/nowhere', HOST: '0.0.0.0' })
  t.match(service.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  t.equal((await fetch(`${service.url}/livez`)).status, 200)
  t.equal((await folders()).length, 1)
  await service.close()
  t.strictSame(await folders(), [])
})

t.test('an invalid setting leaves no folder behind', async (t) => {
  await t.rejects(startTemporaryService('temporary', { PORT: 'x' }), { name: 'ConfigError', message: /PORT/ })
  t.strictSame(await folders(), [])
})
