import t from 'tap'
import { build } from '../helper.js'
import { openPage } from './open-page.js'
import { example, serviceWith } from './replies.js'

t.test('the fleet has a switch that stops nothing, and resumes stopping', async (t) => {
  const { send } = await build(t)
  const page = await openPage(t, '', async ({ method, path, body }) => await send(method as 'GET', `/${path}`, body))
  await page.shows('Stop nothing …')
  await page.click('Stop nothing …')
  t.ok(page.control('Stop nothing').hasAttribute('disabled'), 'a reason is needed')
  await page.fill('Reason', 'incident 42')
  await page.click('Stop nothing')
  await page.shows('Resume stopping …')
  t.match((await send('GET', '/v1/stop-nothing')).body, { on: true, stored: true })
  await page.shows('No generation is stopped anywhere')
  await page.click('Resume stopping …')
  await page.fill('Reason', 'over')
  await page.click('Resume stopping')
  await page.shows('Stop nothing …')
  t.match((await send('GET', '/v1/stop-nothing')).body, { on: false })
})

t.test('without its store, a replica asks for the same order to the others', async (t) => {
  const off = { on: false, stored: false, since: null, by: null, reason: null }
  const service = serviceWith()
  const page = await openPage(t, '', (request) => {
    if (request.path !== 'v1/stop-nothing') return service(request)
    return { status: 200, body: request.method === 'GET' ? off : { ...off, on: true } }
  })
  await page.shows('Stop nothing …')
  await page.click('Stop nothing …')
  await page.fill('Reason', 'incident 42')
  await page.click('Stop nothing')
  await page.shows('give the same order to each of the other replicas')
})

t.test('an operator of a part of the fleet has no switch', async (t) => {
  const page = await openPage(t, '', serviceWith({ fleet: example('fleet', { prefix: 'model=q' }) }))
  t.notMatch(page.text(), 'Stop nothing')
  t.notOk(page.requests.some(({ path }) => path === 'v1/stop-nothing'), 'which it may not call')
})
