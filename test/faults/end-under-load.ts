import { Agent, request } from 'node:http'
import type { Test } from 'tap'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { createStore } from '../../src/store/open/create-store.js'
import { losslessOutcome } from '../certify.js'
import { until } from '../helper.js'
import { QUICK_TIMES, quickPolicy } from '../quick-policy.js'
import { startProcess, type ServiceProcess } from '../service-process.js'

const WORKERS = 32

type Fate = { readonly status: number, readonly isLast: boolean } | { readonly code: string }

/** Posts an outcome over a keep-alive connection. Resolves with the status and whether the connection closes, or with the error code. */
function post (agent: Agent, url: string, body: unknown): Promise<Fate> {
  return new Promise((resolve) => {
    const sending = request(`${url}/v1/outcomes`, { method: 'POST', agent, headers: { 'content-type': 'application/json' } })
    sending.on('response', (reply) => {
      reply.resume().on('end', () => { resolve({ status: reply.statusCode!, isLast: reply.headers.connection === 'close' }) })
    })
    sending.on('error', (error: NodeJS.ErrnoException) => { resolve({ code: String(error.code) }) })
    sending.end(JSON.stringify(body))
  })
}

/** How a service ends under load. */
interface Ending {
  readonly env: NodeJS.ProcessEnv
  /** Options that open the store after the service has ended. */
  readonly open: Parameters<typeof createStore>[0]
  readonly end?: (service: ServiceProcess) => unknown
  readonly processes?: number
}

/** Ends a service to which workers report without a pause. Every request must be answered, every acknowledged outcome stored. */
export async function endUnderLoad (t: Test, { env, open, end = ({ child }) => child.kill('SIGTERM'), processes = 1 }: Ending): Promise<void> {
  const service = startProcess(
    t, { ...env, PROCESSES: String(processes), DEFAULT_POLICY: quickPolicy() }, { detached: true, times: QUICK_TIMES })
  if (processes > 1) await until('all processes are listening', () => service.log.find(({ msg }) => msg === 'all processes are listening'))
  const url = await service.url()
  const acknowledged: string[] = []
  const fates = new Map<string, number>()
  const workers = Array.from({ length: WORKERS }, async (_, worker) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let i = 0, isLast = false; !isLast; i++) { // like a worker that moves on to another replica
      const id = `g${worker}-${i}`
      const fate = await post(agent, url, losslessOutcome(id))
      const name = 'status' in fate ? String(fate.status) : fate.code
      fates.set(name, (fates.get(name) ?? 0) + 1)
      if (name === '202') acknowledged.push(id)
      isLast = 'code' in fate || fate.isLast
    }
    agent.destroy()
  })
  await until('many outcomes are acknowledged', () => acknowledged.length > 20 * WORKERS)
  await end(service)
  await Promise.all(workers)
  t.same(await service.exited, { code: 0, signal: null })
  t.equal(service.log.filter(({ msg }) => msg === 'closed').length, processes, 'each process closed in order')
  t.comment(JSON.stringify([...fates]))
  t.same([...fates.keys()].filter((fate) => !['202', '503'].includes(fate)), [], 'every request was answered, no connection was cut off')

  const store = await createStore(open)
  t.teardown(() => store.close())
  const again = await store.append(acknowledged.map((id) => gradeOutcome('salt', losslessOutcome(id) as ReportedOutcome)))
  t.same(again.filter((one) => one !== 'duplicate').length, 0, `all ${acknowledged.length} acknowledged outcomes are in the store`)
}
