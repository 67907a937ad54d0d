import { pino } from 'pino'
import type { Test } from 'tap'
import { uniform } from '../../src/core/decide/arm.js'
import { readProxySettings } from '../../src/proxy/proxy-settings.js'
import { startProxy } from '../../src/proxy/start-proxy.js'
import { build, until, type Built } from '../helper.js'
import { quickPolicy } from '../quick-policy.js'
import { startStandIn, type Script, type StandIn } from './stand-in.js'

export interface UnderTest {
  readonly proxy: Awaited<ReturnType<typeof startProxy>>
  readonly upstream: StandIn
  readonly service: Built
  /** A request for a chat, or for another route. */
  readonly ask: (body?: object, headers?: Record<string, string>, path?: string, signal?: AbortSignal) => Promise<Response>
  /** Headers of a generation that is treated where a threshold is pinned. */
  readonly treated: Record<string, string>
  /** The value of a metric of the proxy, such as `stopgate_proxy_probes_total{end="ok"}`. */
  readonly metric: (name: string) => Promise<number>
}

export const CHAT = { model: 'm', messages: [{ role: 'user', content: 'what is six times seven?' }] }
export const PINNED = 'model=m,task=pinned'

/**
 * A proxy between a real service and a stand-in for a model server. It closes after the test. In `task=pinned` scores of 0.9 stop.
 * @param env of the proxy, which trusts its clients by default, `serviceEnv` of the service
 * @param controlRate of `task=pinned`; otherwise all generations are control
 */
export async function startUnderTest (
  t: Test, script: Script = {}, env: NodeJS.ProcessEnv = {}, serviceEnv: NodeJS.ProcessEnv = {}, controlRate = 0.02): Promise<UnderTest> {
  const service = await build(t, { DEFAULT_POLICY: quickPolicy({ follow_up_seconds: 60, control_rate: 1 }), ...serviceEnv })
  const url = await service.app.listen({ port: 0, host: '127.0.0.1' })
  await service.send('PUT', `/v1/contexts/${PINNED}/pin`, { threshold: 0.9, reason: 'test' })
  await service.send('PUT', `/v1/contexts/${PINNED}/policy`, { control_rate: controlRate })
  const upstream = await startStandIn(t, script)
  const settings = { PROXY_UPSTREAM: upstream.url, PROXY_SERVICE: url, PROXY_PORT: '0', PROXY_ADMIN_PORT: '0', PROXY_SHUTDOWN_SECONDS: '2', PROXY_PROBE: 'plain', PROXY_TRUST_CLIENTS: 'yes' }
  const proxy = await startProxy(readProxySettings({ ...settings, ...env }), pino({ level: 'silent' }))
  t.teardown(() => proxy.close())
  const metric = async (name: string) => {
    const line = (await proxy.metrics.registry.metrics()).split('\n').find((line) => line.startsWith(`${name} `))
    return line === undefined ? NaN : Number(line.split(' ').at(-1))
  }
  if (env.PROXY_SERVICE === undefined) await until('the proxy has the bundle', async () => await metric('stopgate_proxy_circuit_open') === 0)
  const { salt } = service.snapshotHolder.snapshot()
  const group = Array.from({ length: 100 }, (_, i) => `group-${i}`).find((id) => uniform(salt!, id) > 0.5)!
  return {
    proxy,
    treated: { 'x-stopgate-context': 'task=pinned', 'x-stopgate-group': group },
    upstream,
    service,
    metric,
    ask: (body = CHAT, headers = {}, path = '/v1/chat/completions', signal) => fetch(proxy.url + path, {
      method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body), signal: signal ?? null,
    }),
  }
}

/** The events of a stream, `[DONE]` left out. */
export function eventsOf (text: string): any[] {
  const data = text.split('\n\n').filter((event) => event !== '').map((event) => event.replace(/^data: /, ''))
  if (data.pop() !== '[DONE]') throw new Error(`the stream does not end well: ${text.slice(-200)}`)
  return data.map((event) => JSON.parse(event))
}
