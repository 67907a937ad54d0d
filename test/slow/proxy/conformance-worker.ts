import { pino } from 'pino'
import type { Test } from 'tap'
import { readProxySettings } from '../../../src/proxy/proxy-settings.js'
import { startProxy } from '../../../src/proxy/start-proxy.js'
import { until } from '../../helper.js'
import { startStandIn } from '../../proxy/stand-in.js'

// A program for `stopgate conformance`: plays generations through a proxy in front of a stand-in for a model server.

const GENERATIONS = 16
const TOKENS = 400

const teardowns: Array<() => unknown> = []
const upstream = await startStandIn({ teardown: (end: () => unknown) => { teardowns.push(end) } } as unknown as Test, {
  reasoning: 'a thought that takes its time. '.repeat(TOKENS / 31),
  confidence: () => 0.9,
})
const settings = {
  PROXY_UPSTREAM: upstream.url,
  PROXY_SERVICE: process.env.STOPGATE_URL,
  PROXY_PORT: '0',
  PROXY_ADMIN_PORT: '0',
  PROXY_PROBE: 'plain',
  PROXY_TRUST_CLIENTS: 'yes',
  PROXY_SHUTDOWN_SECONDS: '60',
}
const proxy = await startProxy(readProxySettings(settings), pino({ level: 'silent' }))
await until('the proxy has rules, without which it passes everything through', async () =>
  (await (await fetch(`${proxy.adminUrl}/readyz`)).json() as any).circuit === 'closed')
for (let i = 0; i < GENERATIONS; i++) {
  const reply = await fetch(`${proxy.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-stopgate-context': 'task=conformance', 'x-stopgate-gold': '42' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: `prompt ${i} of ${process.pid}` }] }),
  })
  const { choices: [{ message }] } = await reply.json() as any
  if (message.content !== '42') throw new Error(`the answer is ${JSON.stringify(message)}`)
}
await proxy.close()
for (const end of teardowns) await end()
process.exit()
