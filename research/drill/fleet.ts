import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { parse } from 'yaml'
import { CONTEXT, losslessOutcome, report } from '../../test/certify.js'
import { type Prometheus, RULES, startPrometheus } from '../../test/slow/faults/real-prometheus.js'
import { temporaryFolder, until } from '../../test/helper.js'
import { DURABLE, freePort, type RedisServer, startRedis } from '../../test/redis-server.js'
import { cli, type ServiceProcess, startProcess } from '../../test/service-process.js'
import type { Sign, StoreKind } from './drill.js'
import { QUICK_TIMES, quickPolicy, SHUFFLED } from '../../test/quick-policy.js'

/** The drill measures how fast faults are shown, so certificates and withdrawals wait for no span. */
const DEFAULT_POLICY = quickPolicy({ ...SHUFFLED, control_rate: 1 })

type Ending = Pick<Test, 'teardown'>
type Reply = Awaited<ReturnType<ServiceProcess['get']>>

export type DrillFleet = Awaited<ReturnType<typeof startFleet>>

/**
 * The service as users run it, with a real Prometheus and the rules that are shipped: one process on a folder, or two replicas on Redis.
 * All generations are control, and evidence a moment after their reports. All other settings are the defaults, except for those given.
 */
export async function startFleet (t: Ending, store: StoreKind, settings: NodeJS.ProcessEnv = {}, setClock?: (ms: number) => void) {
  const folder = await temporaryFolder(t)
  const dataDir = join(folder, 'data')
  const backup = join(folder, 'state.jsonl')
  const redis = store === 'redis' ? await startRedis(t, DURABLE) : null
  const place = redis === null ? { DATA_DIR: dataDir } : { REDIS_URL: redis.url }
  const ports = await Promise.all(Array.from({ length: redis === null ? 1 : 2 }, freePort))
  const start = (port: number, more: NodeJS.ProcessEnv = {}) => startProcess(t, {
    PORT: String(port), ...place, DEFAULT_POLICY, ...settings, ...more,
  }, { deafTo: setClock === undefined ? 'XFSZ' : '', times: QUICK_TIMES }) // the signal of a file that may not grow, where a full disk only fails the write
  const replicas = new Map(ports.map((port) => [port, start(port)]))
  await Promise.all([...replicas.values()].map(({ url }) => url()))
  const prometheus = await startPrometheus(t, ports.map((port) => `127.0.0.1:${port}`))
  const all = () => [...replicas.values()]
  /** Runs `stopgate` on the store. */
  const command = (...words: string[]) =>
    promisify(execFile)(process.execPath, [cli, ...words], { env: { ...process.env, ...place }, maxBuffer: Infinity })
  const onAll = async (holds: (replica: ServiceProcess) => Promise<boolean>) => (await Promise.all(all().map(holds))).every(Boolean)

  return {
    store,
    /** Sets the clock of the replicas forward. */
    passHours (hours: number) { setClock!(hours * 3_600_000) },
    /** The first of the replicas that live, as which operators ask. */
    get replica (): ServiceProcess { return all()[0]! },
    replicas: all,
    /** How the replicas have ended, and what they printed besides their log. */
    endings: () => all().map(({ child, stderr }) => `exit code ${child.exitCode}, signal ${child.signalCode} ${stderr()}`).join('; '),
    /** Takes the store away: Redis is killed, or the disk of the folder is full. @returns what brings it back */
    loseStore: async () => await takeAway(redis, all()[0]!, dataDir),
    async emptyRedis () { await onRedis(redis!, (client) => client.flushall()) },
    /** Exports the state, as cron does. */
    async exportState () { await writeFile(backup, (await command('export')).stdout) },
    /** Replaces the state by the last export. */
    async importState () { await command('import', backup, '--replace') },
    /** Kills a replica with -9. @returns its port */
    async kill (replica: ServiceProcess): Promise<number> {
      const [port] = [...replicas].find(([, other]) => other === replica)!
      replica.child.kill('SIGKILL')
      await replica.exited
      replicas.delete(port)
      return port
    },
    startAgain (port: number) { replicas.set(port, start(port)) },
    /** Whether every replica decides so about a step that is sure of its answer. */
    decide: (decision: 'stop' | 'continue', reason?: string) => onAll(async (replica) => {
      const { body } = await replica.post('/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT })
      return body.decision === decision && (reason === undefined || body.reason === reason)
    }),
    onAll,
    signs: signsOf(() => all()[0]!, prometheus),
  }
}

async function takeAway (redis: RedisServer | null, { child }: ServiceProcess, dataDir: string): Promise<() => Promise<void>> {
  if (redis !== null) {
    await redis.stop('SIGKILL')
    return () => redis.start()
  }
  const limit = (size: number | string) => execFileSync('prlimit', [`--pid=${child.pid}`, `--fsize=${size}:unlimited`])
  limit(statSync(join(dataDir, 'data.mdb')).size)
  return async () => { limit('unlimited') }
}

async function onRedis (redis: RedisServer, ask: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(redis.url)
  await ask(client)
  client.disconnect()
}

/** What operators can read. */
function signsOf (replica: () => ServiceProcess, { alerts }: Prometheus) {
  return {
    /** The page shows a reply of the API. */
    page: (path: string, text: string, isShown: (body: any) => unknown): Sign => ({
      by: 'page', text: `${text} (${path})`, isSaid: async () => isShown((await replica().get(path)).body),
    }),
    /** The page shows the reply to a change. */
    call: (name: string, text: string, isShown: (replica: ServiceProcess) => Promise<boolean>): Sign => ({
      by: 'page', text: `${text} (${name})`, isSaid: () => isShown(replica()),
    }),
    readyz: (text: string): Sign => ({
      by: '/readyz', text, isSaid: async () => (await replica().get('/readyz')).body.warnings.some((warning: string) => warning.includes(text)),
    }),
    metric: (name: string, isThere: (value: number) => boolean = (value) => value === 1): Sign => ({
      by: '/metrics', text: name, isSaid: async () => valuesOf(await (await fetch(`${await replica().url()}/metrics`)).text(), name).some(isThere),
    }),
    /** The condition of a rule holds in Prometheus. */
    alert: (name: string): Sign => {
      const { for: wait } = ruleOf(name)
      const text = wait === undefined ? name : `${name} (fires ${wait} later)`
      return { by: 'alert', text, isSaid: async () => (await alerts()).some(({ labels }) => labels.alertname === `Stopgate${name}`) }
    },
  }
}

function ruleOf (name: string): { readonly for?: string } {
  const rule = parse(readFileSync(RULES, 'utf8')).groups[0].rules.find(({ alert }: { alert: string }) => alert === `Stopgate${name}`)
  if (rule === undefined) throw new Error(`no rule is called Stopgate${name}`)
  return rule
}

/** Values of the samples that begin so. */
function valuesOf (metrics: string, name: string): number[] {
  return metrics.split('\n').filter((line) => line.startsWith(name)).map((line) => Number(line.slice(line.lastIndexOf(' '))))
}

let reported = 0
const idOf = () => `drill-${++reported}`

/** Full runs in which stopping loses nothing. */
export const rightRuns = (count: number) => Array.from({ length: count }, () => losslessOutcome(idOf()))

/** Full runs that are right, and would not have been if they had been stopped. */
export const wronglyStopped = (count: number) => Array.from({ length: count }, () => ({
  ...losslessOutcome(idOf()), steps: [{ tokens: 32, confidence: 0.95, em: 0 }, { tokens: 64, confidence: 0.99, em: 1 }],
}))

/** Full runs in which one early answer in twenty is wrong, and every later one is right. */
export const hastyRuns = (count: number) => Array.from({ length: count }, (_, i) => ({
  ...losslessOutcome(idOf()),
  tokens: 96,
  steps: [
    { tokens: 32, confidence: 0.6, em: i % 20 === 0 ? 0 : 1 },
    { tokens: 64, confidence: 0.95, em: 1 },
    { tokens: 96, confidence: 0.99, em: 1 },
  ],
}))

/** Stops that serve a wrong answer though the probe was right. */
export const servedWrongly = (count: number) => Array.from({ length: count }, () => ({
  generation_id: idOf(), arm: 'treated', context: CONTEXT, tokens: 40, stopped: true, stopped_probe: { tokens: 32, em: 1 }, em: 0,
}))

/** Full runs whose probes take more tokens than a stop would save. */
export const costlyProbes = (count: number) => Array.from({ length: count }, () => {
  const outcome = losslessOutcome(idOf())
  return { ...outcome, steps: outcome.steps.map((step) => ({ ...step, probe_tokens: 50 })) }
})

export async function send (fleet: DrillFleet, outcomes: Parameters<typeof report>[1]): Promise<void> {
  await report(fleet.replica.post, outcomes)
}

/** Certifies a threshold, so that every replica stops. */
export async function certify (fleet: DrillFleet, outcomes: Parameters<typeof report>[1] = rightRuns(300)): Promise<void> {
  await send(fleet, outcomes)
  await until('all replicas stop', () => fleet.decide('stop'))
}

/** Sends a command that concerns all contexts, as operators do: after a dry run, with its confirmation. */
export async function confirmed (replica: ServiceProcess, path: string, body: object): Promise<Reply> {
  const tried = await replica.post(`${path}?dry_run=true`, body)
  return succeeded(await replica.post(`${path}?confirm=${tried.body.confirm}`, body))
}

/** @throws Error where the service refused the call */
export function succeeded (reply: Reply): Reply {
  if (reply.status >= 300) throw new Error(`the service answered ${reply.status}: ${JSON.stringify(reply.body)}`)
  return reply
}
