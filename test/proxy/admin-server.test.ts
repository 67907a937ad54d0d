import t from 'tap'
import { startUnderTest } from './proxy-under-test.js'

t.test('the proxy has routes of its own on another port', async (t) => {
  const { ask, proxy } = await startUnderTest(t)
  const readiness = async () => await (await fetch(proxy.adminUrl + '/readyz')).json()
  t.match(await readiness(), { ready: true, circuit: 'closed', problem: null, certifies: ['exact_match'], dialect: 'auto' })
  await (await ask()).text()
  t.match(await readiness(), { dialect: 'vllm' }, 'once the model server was asked what it is')
  t.equal((await fetch(proxy.adminUrl + '/livez')).status, 200)
  t.match(await (await fetch(proxy.adminUrl + '/metrics')).text(), /stopgate_proxy_circuit_open 0/)
  t.equal((await fetch(proxy.adminUrl + '/v1/models')).status, 404)
})
