import { get } from 'node:http'
import { pino } from 'pino'
import t from 'tap'
import { readProxySettings } from '../../src/proxy/proxy-settings.js'
import { startProxy } from '../../src/proxy/start-proxy.js'
import { until } from '../helper.js'
import { freePort } from '../redis-server.js'
import { CHAT, eventsOf, startUnderTest } from './proxy-under-test.js'

t.test('on closing, streams go on to their end and are reported', async (t) => {
  const { ask, proxy, upstream, metric } = await startUnderTest(t, { pauseAt: 40 }, { PROXY_SHUTDOWN_SECONDS: '60' })
  const reply = await ask({ ...CHAT, stream: true })
  await until('it is probed', async () => await metric('stopgate_proxy_probes_total{end="ok"}') === 1)
  const closing = proxy.close()
  upstream.release()
  t.match(eventsOf(await reply.text()).at(-1), { stopgate: { stopped: false } })
  await closing
  t.equal(await metric('stopgate_proxy_reports_reported'), 1)
  await t.rejects(fetch(proxy.url))
})

t.test('requests beyond the limit are refused', async (t) => {
  const { ask, upstream } = await startUnderTest(t, { pauseAt: 40 }, { PROXY_MAX_REQUESTS: '1' })
  const first = await ask({ ...CHAT, stream: true })
  const second = await ask()
  t.equal(second.status, 503)
  t.match(await second.json(), { error: { code: 'too_many_requests' } })
  upstream.release()
  t.ok(eventsOf(await first.text()).length > 50)
})

t.test('a port in use is named', async (t) => {
  const { proxy } = await startUnderTest(t)
  const settings = readProxySettings({ PROXY_UPSTREAM: 'http://127.0.0.1:9', PROXY_PORT: new URL(proxy.url).port, PROXY_ADMIN_PORT: '0' })
  await t.rejects(startProxy(settings, pino({ level: 'silent' })), /PROXY_PORT/)
})

t.test('a proxy whose admin port is in use serves no clients', async (t) => {
  const { proxy } = await startUnderTest(t)
  const port = await freePort()
  const settings = readProxySettings({ PROXY_UPSTREAM: 'http://127.0.0.1:9', PROXY_PORT: String(port), PROXY_ADMIN_PORT: new URL(proxy.url).port })
  await t.rejects(startProxy(settings, pino({ level: 'silent' })), /PROXY_ADMIN_PORT/)
  await t.rejects(fetch(`http://127.0.0.1:${port}/v1/models`), { cause: { code: 'ECONNREFUSED' } })
})

t.test('an address for all clients does not open the routes of the proxy, which ask for no token', async (t) => {
  const { proxy } = await startUnderTest(t, {}, { PROXY_HOST: '0.0.0.0' })
  t.match(proxy.adminUrl, /^http:\/\/127\.0\.0\.1:/)
  const statusFor = (host: string) => new Promise((resolve) => {
    get(`${proxy.adminUrl}/readyz`, { headers: { host } }, (reply) => { reply.resume(); resolve(reply.statusCode) })
  })
  t.same([await statusFor('localhost'), await statusFor('evil.example')], [200, 403], 'nor does a page by DNS rebinding')
})

t.test('the proxy has its own routes on another port', async (t) => {
  const { ask, proxy } = await startUnderTest(t)
  const readiness = async () => await (await fetch(proxy.adminUrl + '/readyz')).json()
  t.match(await readiness(), { ready: true, circuit: 'closed', problem: null, certifies: ['exact_match'], dialect: 'auto' })
  await (await ask()).text()
  t.match(await readiness(), { dialect: 'vllm' }, 'once it has been detected')
  t.equal((await fetch(proxy.adminUrl + '/livez')).status, 200)
  t.match(await (await fetch(proxy.adminUrl + '/metrics')).text(), /stopgate_proxy_circuit_open 0/)
  t.equal((await fetch(proxy.adminUrl + '/v1/models')).status, 404)
})
