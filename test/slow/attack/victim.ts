import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { loadavg } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Test } from 'tap'
import { sleep } from '../../clock.js'
import { temporaryFolder, until } from '../../helper.js'
import { startProcess, type ServiceProcess } from '../../service-process.js'
import { bearer, tokenList } from '../../token-fixtures.js'
import type { Experience, Victim } from './victim-thread.js'

/** Requests of a well-behaved client during each attack. `npm run attack` asks for more, and bounds the 99th percentile. */
const REQUESTS = Number(process.env.ATTACK_REQUESTS ?? 25)
const MAX_P99_MS = Number(process.env.MAX_P99_MS ?? Infinity)

export const JSON_TYPE = { 'content-type': 'application/json' }

/** What an attack may use: a worker and an operator that are bound to `model=evil`, or no token at all. */
export interface Attacker {
  readonly url: string
  readonly worker: Record<string, string>
  readonly operator: Record<string, string>
  /** Ends with the attack. */
  readonly signal: AbortSignal
  /** Says that the attack is under way: the client is watched from then on. Actions that are repeated, and `open`, say so. */
  readonly strike: () => void
  /** Sends the head of a request and a part of its body, and keeps the connection. */
  readonly open: (path: string, length: number, part: string | Buffer, headers?: Record<string, string>) => Promise<Socket>
}

/**
 * Repeats an action until the attack is over, whatever its outcome.
 * @param everyMs least time from one to the next, a part of the attack
 */
export async function repeatedly (
  { signal, strike }: Attacker, everyMs: number, action: (round: number) => Promise<unknown>
): Promise<void> {
  for (let round = 0; !signal.aborted; round++) {
    await Promise.all([action(round).then(strike, () => {}), sleep(everyMs)])
  }
}

/** Repeats an action as several clients at once. */
export async function inParallel (attacker: Attacker, clients: number, action: (round: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, (_, client) => repeatedly(attacker, 0, (round) => action(round * clients + client))))
}

/** The service that is attacked, beside the tenant `model=good`. @param env of the service */
export async function startAttacked (t: Test, env: NodeJS.ProcessEnv): Promise<ServiceProcess> {
  const ACCESS_TOKENS = tokenList(
    { victim: 'worker model=good', worker: 'worker model=evil', operator: 'operator model=evil' }, { worker: { requests_per_second: 50 } })
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t), ACCESS_TOKENS, ...env })
  await service.url()
  return service
}

/** Watches a client while it makes requests, and says how it fared. */
export type Watch = (requests: number) => Promise<Experience>

/** A well-behaved client of what is attacked. It has a thread of its own, since attacks keep this one busy. */
export async function startVictim (t: Test, url: string, kind: Victim['kind']): Promise<Watch> {
  const workerData: Victim = { url, headers: bearer('victim'), kind }
  const victim = new Worker(new URL('./victim-thread.js', import.meta.url), { workerData })
  t.teardown(() => victim.terminate())
  const ended = once(victim, 'exit').then(([code]) => { throw new Error(`the client ended with ${code}`) })
  ended.catch(() => {}) // it ends at the teardown, too
  const told = () => Promise.race([once(victim, 'message'), ended])
  await told()
  return async (requests) => {
    victim.postMessage(requests)
    const [experience] = await told() as [Experience]
    return experience
  }
}

/**
 * Runs an attack beside a well-behaved client, nothing of which may be refused. Where its latency is bounded, the same client is watched
 * alone before the attack.
 * @param url that is attacked
 */
export async function attack (t: Test, url: string, watch: Watch, run: (attacker: Attacker) => Promise<unknown>): Promise<void> {
  const alone = MAX_P99_MS === Infinity ? null : await watch(REQUESTS)
  const over = new AbortController()
  const sockets: Socket[] = []
  const end = () => {
    over.abort()
    for (const socket of sockets) socket.destroy()
  }
  t.teardown(end)
  let strikes = 0
  const attacking = run({
    url,
    worker: bearer('worker'),
    operator: bearer('operator'),
    signal: over.signal,
    strike: () => { strikes++ },
    async open (path, length, part, headers = {}) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
      sockets.push(socket)
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => {}) // it may be destroyed at the end of the attack
      const lines = Object.entries({ host: 'localhost', ...JSON_TYPE, 'content-length': String(length), ...headers })
      socket.write(`POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`)
      socket.write(part)
      strikes++
      return socket
    },
  })
  await until('the attack is under way', () => strikes > 0)
  const attacked = await watch(REQUESTS)
  end()
  await attacking
  const times = (experience: Experience) => `${[0.5, 0.99].map((share) => percentile(experience, share).toFixed(1)).join(' and ')} ms`
  t.comment(`median and 99th percentile ${times(attacked)}; ${strikes} strikes; load ${loadavg()[0]!.toFixed(1)}`)
  t.same(attacked.refused, [], 'nothing of the client is refused')
  if (alone === null) return
  const limit = Math.max(MAX_P99_MS, 2 * percentile(alone, 0.99))
  t.ok(percentile(attacked, 0.99) <= limit, `99 % within ${MAX_P99_MS} ms, or twice the time without the attack, ${times(alone)}`)
}

function percentile ({ latencies }: Experience, share: number): number {
  return latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * share)]!
}
