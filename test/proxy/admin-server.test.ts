import t from 'tap'
import { startUnderTest } from './proxy-under-test.js'

t.test('the proxy has routes of its own on another port', async (t) => {
  const { proxy } = await startUnderTest(t)
  t.match(await (await fetch(proxy.adminUrl + '/readyz')).json(), { ready: true, circuit: 'closed', problem: null, certifies: ['exact_match'] })
  t.equal((await fetch(proxy.adminUrl + '/livez')).status, 200)
  t.match(await (await fetch(proxy.adminUrl + '/metrics')).text(), /stopgate_proxy_circuit_open 0/)
  t.equal((await fetch(proxy.adminUrl + '/v1/models')).status, 404)
})
