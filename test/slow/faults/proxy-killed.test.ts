import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { temporaryFolder, until } from '../../helper.js'
import { CHAT, eventsOf } from '../../proxy/proxy-under-test.js'
import { cli, startProcess, type ServiceProcess } from '../../service-process.js'

const STAND_IN = fileURLToPath(new URL('../../proxy/stand-in-process.js', import.meta.url))
const HEADERS = { 'content-type': 'application/json', 'x-stopgate-gold': '42' }
const BODY = JSON.stringify({ ...CHAT, stream: true })

interface Fleet {
  readonly url: string
  readonly service: ServiceProcess
  readonly upstream: ChildProcess
  /** Streams and probes that were ended early, as the model server sees it. */
  readonly aborted: () => number
  readonly metric: (name: string) => Promise<number>
  readonly readiness: () => Promise<{ circuit: string, problem: string | null }>
  readonly startServiceAgain: () => ServiceProcess
}

/** A service, a proxy and a model server, each in a process of its own. Thoughts wait behind their first check. */
async function startFleet (t: Test): Promise<Fleet> {
  const start = (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } })
    t.teardown(() => { child.kill('SIGKILL') })
    return child
  }
  const env = { DATA_DIR: await temporaryFolder(t), DEFAULT_POLICY: '{"follow_up_seconds":60,"evidence_span_seconds":0}' } // with a span, a quarter is control at first
  const service = startProcess(t, env)
  const upstream = start([STAND_IN])
  const lines: string[] = []
  createInterface(upstream.stdout!).on('line', (line) => { lines.push(line) })
  const direct = await until('the model server serves', () => lines[0])
  const address = await service.url()
  const proxy = start([cli, 'proxy', '--upstream', direct, '--service', address, '--port', '0', '--admin-port', '0', '--probe', 'plain', '--trust-clients', 'yes'])
  const log: any[] = []
  createInterface(proxy.stdout!).on('line', (line) => { log.push(JSON.parse(line)) })
  const { url, admin } = await until('the proxy serves', () => log.find(({ msg }) => msg.includes('is listening')))
  const readiness = async () => await (await fetch(`${admin}/readyz`)).json() as any
  await until('the proxy has the rules', async () => (await readiness()).circuit === 'closed')
  return {
    url,
    service,
    upstream,
    readiness,
    aborted: () => Number(lines.length > 1 ? lines.at(-1) : 0),
    async metric (name) {
      const text = await (await fetch(`${admin}/metrics`)).text()
      return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.split(' ').at(-1) ?? NaN)
    },
    startServiceAgain: () => startProcess(t, { ...env, PORT: new URL(address).port }),
  }
}

const probed = async ({ metric }: Fleet) => await until('the reasoning is probed', async () => await metric('stopgate_proxy_probes_total{end="ok"}') > 0)

t.test('the service is killed: open and new streams end well, and their outcomes are reported when it is back', async (t) => {
  const fleet = await startFleet(t)
  const reply = await fetch(`${fleet.url}/v1/chat/completions`, { method: 'POST', headers: HEADERS, body: BODY })
  await probed(fleet)
  fleet.service.child.kill('SIGKILL')
  await fleet.service.exited
  fleet.upstream.stdin!.write('release\n')
  t.match(eventsOf(await reply.text()).at(-1), { choices: [{ finish_reason: 'stop' }], stopgate: { stopped: false, tokens: 89 } })
  const next = await fetch(`${fleet.url}/v1/chat/completions`, { method: 'POST', headers: HEADERS, body: BODY })
  t.match(eventsOf(await next.text()).at(-1), { stopgate: { stopped: false } })
  t.match(await until('the proxy notices', async () => { const said = await fleet.readiness(); return said.problem !== null && said }), { circuit: 'closed' })
  await until('both outcomes wait', async () => await fleet.metric('stopgate_proxy_reports_waiting') === 2)
  await fleet.startServiceAgain().url()
  await until('both outcomes are reported', async () => await fleet.metric('stopgate_proxy_reports_reported') === 2)
})

t.test('the model server is killed: the stream breaks for the client too, and the next request gets 502', async (t) => {
  const fleet = await startFleet(t)
  const reply = await fetch(`${fleet.url}/v1/chat/completions`, { method: 'POST', headers: HEADERS, body: BODY })
  await probed(fleet)
  fleet.upstream.kill('SIGKILL')
  await t.rejects(reply.text(), 'a broken stream does not look like a whole one')
  await until('it is counted', async () => await fleet.metric('stopgate_proxy_generations_total{arm="control",end="broken"}') === 1)
  const next = await fetch(`${fleet.url}/v1/chat/completions`, { method: 'POST', headers: HEADERS, body: BODY })
  t.equal(next.status, 502)
  t.match(await next.json(), { error: { code: 'upstream_unreachable' } })
  t.match(await fleet.readiness(), { ready: true })
})

t.test('a client is killed: the model server stops generating, and the generation is reported as cancelled', async (t) => {
  const fleet = await startFleet(t)
  const code = 'fetch(process.argv[1], JSON.parse(process.argv[2])).then((reply) => reply.text())'
  const init = JSON.stringify({ method: 'POST', headers: HEADERS, body: BODY })
  const client = spawn(process.execPath, ['-e', code, `${fleet.url}/v1/chat/completions`, init], { stdio: 'ignore' })
  await probed(fleet)
  client.kill('SIGKILL')
  await once(client, 'exit')
  await until('the model server notices', () => fleet.aborted() === 1)
  await until('it is reported', async () => await fleet.metric('stopgate_proxy_reports_reported') === 1)
  t.equal(await fleet.metric('stopgate_proxy_generations_total{arm="control",end="cancelled"}'), 1)
})
