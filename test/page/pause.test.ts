import t from 'tap'
import { build } from '../helper.js'
import { openPage } from './open-page.js'
import { example, serviceWith } from './replies.js'

t.test('the fleet has a switch that pauses stopping, and a banner that says who did, when and why', async (t) => {
  const { send } = await build(t)
  const page = await openPage(t, '', async ({ method, path, body }) => await send(method as 'GET', `/${path}`, body))
  await page.shows('Pause stopping …')
  await page.click('Pause stopping …')
  t.ok(page.control('Pause stopping').hasAttribute('disabled'), 'a reason is needed')
  await page.fill('Reason', 'incident 42')
  await page.click('Pause stopping')
  await page.shows('End the pause …')
  t.match((await send('GET', '/v1/pause')).body, { paused: true, stored: true })
  await page.shows('by anonymous (incident 42).')
  t.match(page.text(), /Stopping is paused on all replicas since \d{4}-\d\d-\d\d \d\d:\d\d UTC by anonymous/)
  await page.click('End the pause …')
  await page.fill('Reason', 'over')
  await page.click('End the pause')
  await page.shows('Pause stopping …')
  t.notOk(page.text().includes('The store'), 'the end is no failure')
  t.match((await send('GET', '/v1/pause')).body, { paused: false, stored: true })
})

t.test('without its store, a replica asks to pause the others, too', async (t) => {
  const not = { paused: false, stored: false, since: null, by: null, reason: null, message: 'Stopping is not paused on this replica.' }
  const service = serviceWith()
  const page = await openPage(t, '', (request) => {
    if (request.path !== 'v1/pause') return service(request)
    return { status: 200, body: request.method === 'GET' ? not : { ...not, paused: true, message: 'Pause each of the other replicas, too.' } }
  })
  await page.shows('Pause stopping …')
  await page.click('Pause stopping …')
  await page.fill('Reason', 'incident 42')
  await page.click('Pause stopping')
  await page.shows('Pause each of the other replicas, too.')
})

t.test('an operator of a part of the fleet has no switch', async (t) => {
  const page = await openPage(t, '', serviceWith({ fleet: example('fleet', { prefix: 'model=q' }) }))
  t.notMatch(page.text(), 'Pause stopping')
  t.notOk(page.requests.some(({ path }) => path === 'v1/pause'), 'which it may not call')
})
