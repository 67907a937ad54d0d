import t from 'tap'
import { skip, startBrowser } from '../chromium.js'
import { temporaryFolder, until } from '../../helper.js'
import { startProcess } from '../../service-process.js'

t.test('a page that rebinds its name to this machine reads and changes nothing', { skip }, async (t) => {
  const open = await startBrowser(t, ['--host-resolver-rules=MAP evil.example 127.0.0.1'])
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
  const { port } = new URL(await service.url())
  const { page } = await open(`http://evil.example:${port}/`) // the page of the service stands for one of the attacker's
  const statuses = await page.evaluate(async () => {
    const status = async (path: string, init?: RequestInit) => (await fetch(path, init)).status
    const json = { 'content-type': 'application/json' }
    return [
      await status('/v1/contexts'),
      await status('/v1/contexts/*/policy', { method: 'PATCH', headers: json, body: '{"mode":"off"}' }),
      await status('/v1/outcomes', { method: 'POST', headers: json, body: '{}' }),
    ]
  })
  t.same(statuses, [403, 403, 403])
  t.match((await service.get('/v1/contexts/*/policy')).body, { policy: {} })
})

t.test('a page of another origin changes nothing, by requests that browsers send without asking first either', { skip }, async (t) => {
  const open = await startBrowser(t, ['--host-resolver-rules=MAP evil.example 127.0.0.1'])
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
  const url = await service.url()
  const { page } = await open(`http://evil.example:${new URL(url).port}/livez`)
  await page.evaluate(async (target) => {
    const init = { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"reason":"x"}' }
    await fetch(`${target}/v1/pause`, init).catch(() => {})
    await fetch(`${target}/v1/store-loss/acknowledgement`, { method: 'POST', mode: 'no-cors', body: '{"reason":"x"}' })
  }, url)
  const refused = await until('both are answered', () => {
    const statuses = service.log.flatMap(({ method, status_code: status }) => method === 'OPTIONS' || method === 'POST' ? [`${method} ${status}`] : [])
    return statuses.length === 2 && statuses
  })
  t.same(refused, ['OPTIONS 405', 'POST 403'])
  t.match((await service.get('/v1/pause')).body, { paused: false })
})
