import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { temporaryFolder } from '../helper.js'
import { startProcess, type ServiceProcess } from '../service-process.js'
import { bearer, tokenList } from '../token-fixtures.js'
import type { Experience, Victim } from './victim-thread.js'

/** How long each attack lasts. `npm run attack` sets it to longer, and bounds the 99th percentile. */
const SECONDS = Number(process.env.ATTACK_SECONDS ?? 2)
const MAX_P99_MS = Number(process.env.MAX_P99_MS ?? Infinity)

export const JSON_TYPE = { 'content-type': 'application/json' }

/** What an attack may use: a worker and an operator that are bound to `model=evil`, or no token at all. */
export interface Attacker {
  readonly url: string
  readonly worker: Record<string, string>
  readonly operator: Record<string, string>
  /** Ends with the attack. */
  readonly signal: AbortSignal
  /** Sends the head of a request and a part of its body, and keeps the connection. */
  readonly open: (path: string, length: number, part: string, headers?: Record<string, string>) => Promise<Socket>
}

/** Repeats an action until the attack is over, whatever its outcome. @param everyMs least time from one to the next */
export async function repeatedly ({ signal }: Attacker, everyMs: number, action: (round: number) => Promise<unknown>): Promise<void> {
  for (let round = 0; !signal.aborted; round++) {
    await Promise.all([action(round).catch(() => {}), sleep(everyMs)])
  }
}

/**
 * Runs an attack beside a well-behaved tenant, who asks for decisions and reports outcomes. Nothing of the tenant's may be refused.
 * @param env of the service
 */
export async function attack (t: Test, env: NodeJS.ProcessEnv, run: (attacker: Attacker) => Promise<unknown>): Promise<ServiceProcess> {
  const ACCESS_TOKENS = tokenList(
    { victim: 'worker model=good', worker: 'worker model=evil', operator: 'operator model=evil' }, { worker: { requests_per_second: 50 } })
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), ACCESS_TOKENS, ...env })
  const url = await service.url()
  const over = new AbortController()
  const sockets: Socket[] = []
  const attacking = run({
    url,
    worker: bearer('worker'),
    operator: bearer('operator'),
    signal: over.signal,
    async open (path, length, part, headers = {}) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
      sockets.push(socket)
      await once(socket, 'connect')
      const lines = Object.entries({ host: 'localhost', ...JSON_TYPE, 'content-length': String(length), ...headers })
      socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${part}`)
      return socket
    },
  })
  // A thread of its own, since the attack keeps this one busy.
  const workerData: Victim = { url, headers: bearer('victim'), seconds: SECONDS }
  const victim = new Worker(new URL('./victim-thread.js', import.meta.url), { workerData })
  const [{ latencies, refused }] = await once(victim, 'message') as [Experience]
  over.abort()
  for (const socket of sockets) socket.destroy()
  await attacking
  latencies.sort((a, b) => a - b)
  const p99 = latencies[Math.floor(latencies.length * 0.99)]!
  t.comment(`${latencies.length} requests of the tenant, median ${latencies[latencies.length >> 1]!.toFixed(1)} ms, 99 % within ${p99.toFixed(1)} ms`)
  t.same(refused, [], 'nothing of the tenant is refused')
  t.ok(p99 <= MAX_P99_MS, `99 % within ${MAX_P99_MS} ms`)
  return service
}
