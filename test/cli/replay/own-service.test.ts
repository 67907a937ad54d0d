import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import t from 'tap'
import { startOwnService } from '../../../src/cli/replay/own-service.js'

const folders = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('stopgate-replay-'))
const read = async (url: string) => await (await fetch(url)).json() as any

t.test('the service keeps the settings that affect decisions and removes its folder at the end', async (t) => {
  const before = new Set(await folders())
  const own = await startOwnService({ CONTEXT_LEVELS: 'task', DEFAULT_POLICY: '{"max_em_drop":0.05,"follow_up_seconds":60}', REDIS_URL: 'redis://127.0.0.1:1', DATA_DIR: '/nowhere', ACCESS_TOKENS: '[]', HOST: '0.0.0.0' })
  t.teardown(() => own.close())
  t.match(await read(`${own.url}/v1/model`), { levels: ['task'], store: { kind: 'embedded', up: true } }, 'REDIS_URL is ignored')
  t.match(await read(`${own.url}/v1/contexts/*/policy`), { effective: { max_em_drop: 0.05, follow_up_seconds: 0 } })
  await own.close()
  t.strictSame((await folders()).filter((name) => !before.has(name)), [])
})

t.test('an invalid setting is named', async (t) => {
  const before = await folders()
  await t.rejects(startOwnService({ DEFAULT_POLICY: '{' }), { name: 'CommandError', message: /DEFAULT_POLICY is not valid JSON/ })
  await t.rejects(startOwnService({ DEFAULT_POLICY: '{"max_em_drop":2}' }), { name: 'CommandError', message: /DEFAULT_POLICY\/max_em_drop/ })
  t.strictSame(await folders(), before)
})
