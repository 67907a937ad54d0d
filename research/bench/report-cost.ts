import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Agent, request } from 'undici'
import { KEYS } from '../../src/store/redis/redis-keys.js'
import { end, removeFolders, startRedis, startServer, temporaryFolder } from './processes.js'

// What a generation costs the service, its learner and Redis, where all report and where only the enrolled ones do. A threshold is pinned
// and the control share is at its floor, so 4 % are enrolled. Prints a table: node dist/tests/research/bench/report-cost.js [GENERATIONS]

const GENERATIONS = Number(process.argv[2] ?? 5000)
const STREAMS = 32
const CONTEXT = { model: 'm', task: 't' }
const KEY = encodeURIComponent('model=m,task=t')
/** A generation asks three times, and is stopped at the last one unless it is control. */
const STEPS = [[32, 0.2], [64, 0.5], [96, 0.95]] as const
const IDLE_MS = 4000

/** For 1,000 generations. */
interface Costs {
  readonly requests: number
  readonly entries: number
  readonly commands: number
  /** Bytes of its append-only file, and of its memory. */
  readonly written: number
  readonly kept: number
  readonly processorMs: number
}

async function measure (reports: 'all' | 'enrolled'): Promise<Costs> {
  const redisServer = await startRedis(true)
  const redis = new Redis(redisServer.url)
  const policy = { reports, control_rate: 0.02, check_every_tokens: 32, evidence_span_seconds: 0 }
  const env = { REDIS_URL: redisServer.url, DATA_DIR: await temporaryFolder(), DEFAULT_POLICY: JSON.stringify(policy) }
  const server = await startServer(env)
  const dispatcher = new Agent({ connections: STREAMS })
  let requests = 0
  const call = async (method: 'POST' | 'PUT', path: string, body: object): Promise<any> => {
    requests++
    const headers = { 'content-type': 'application/json' }
    const reply = await request(server.url + path, { dispatcher, method, headers, body: JSON.stringify(body) })
    const json = await reply.body.json()
    if (reply.statusCode >= 300) throw new Error(`${path}: ${JSON.stringify(json)}`)
    return json
  }

  async function play (name: string): Promise<void> {
    const id = { generation_id: name, context: CONTEXT }
    let arm: string | undefined
    let report = true
    let isStopped = false
    for (const [tokens, confidence] of STEPS) {
      const reply = await call('POST', '/v1/decisions', { ...id, tokens, confidence, ...(arm !== undefined && { arm, due_tokens: tokens }) })
      arm ??= reply.arm as string
      report = reply.report ?? report
      isStopped = reply.decision === 'stop'
    }
    if (!report) return
    const steps = STEPS.map(([tokens, confidence]) => ({ tokens, confidence, em: 1 }))
    const how = isStopped ? { stopped: true, stopped_probe: { tokens: 96, em: 1 } } : { steps }
    await call('POST', '/v1/outcomes', { ...id, arm, tokens: 110, answer_tokens: 14, em: 1, samples: 1, steps_asked: 3, ...how })
  }

  const playAll = async (prefix: string, count: number) => {
    let next = 0
    await Promise.all(Array.from({ length: STREAMS }, async () => { while (next < count) await play(`${prefix}-${next++}`) }))
  }
  const info = async (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(await redis.info('everything'))?.[1])
  const state = async () => ({
    entries: entriesAdded(await redis.call('XINFO', 'STREAM', KEYS.log)),
    commands: await info('total_commands_processed'),
    written: await info('aof_current_size'),
    kept: await info('used_memory'),
    processorMs: processorMs(server.child.pid!),
  })

  await call('PUT', `/v1/contexts/${KEY}/pin`, { threshold: 0.9, reason: 'bench' })
  const isPinned = async () => (await call('POST', '/v1/decisions', { tokens: 32, confidence: 0.2, context: CONTEXT })).threshold === 0.9
  while (!await isPinned()) await setTimeout(50)
  await playAll('warm', 500)
  await setTimeout(IDLE_MS)
  const before = await state()
  await setTimeout(IDLE_MS)
  const idle = await state()
  const [begun, called] = [performance.now(), requests]
  await playAll('g', GENERATIONS)
  await setTimeout(IDLE_MS)
  const after = await state()
  const spans = (performance.now() - begun) / IDLE_MS
  const more = (of: keyof typeof after) => (after[of] - idle[of] - spans * (idle[of] - before[of])) / GENERATIONS * 1000
  const costs = {
    requests: (requests - called) / GENERATIONS * 1000,
    entries: more('entries'),
    commands: more('commands'),
    written: more('written'),
    kept: (after.kept - idle.kept) / GENERATIONS * 1000,
    processorMs: more('processorMs'),
  }
  redis.disconnect()
  await dispatcher.destroy()
  await end(server.child)
  await end(redisServer.child)
  return costs
}

/** Of a stream: RESP3 replies with a map, RESP2 with a list. */
function entriesAdded (info: unknown): number {
  if (Array.isArray(info)) return Number(info[info.indexOf('entries-added') + 1])
  return Number(info instanceof Map ? info.get('entries-added') : (info as Record<string, unknown>)['entries-added'])
}

/** Of all threads of a process, ms. */
function processorMs (pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
  return 10 * (Number(fields[11]) + Number(fields[12]))
}

try {
  const [all, enrolled] = [await measure('all'), await measure('enrolled')]
  process.stdout.write('| for 1,000 generations | all report | only enrolled ones |\n|---|---|---|\n')
  const row = (name: string, field: keyof Costs) => {
    const figures = [all, enrolled].map((costs) => costs[field].toLocaleString('en', { maximumFractionDigits: 0 }))
    process.stdout.write(`| ${name} | ${figures.join(' | ')} |\n`)
  }
  row('requests, with three decisions for each', 'requests')
  row('entries for the learner', 'entries')
  row('commands in Redis', 'commands')
  row('bytes written to its log', 'written')
  row('bytes kept in its memory', 'kept')
  row('processor time of service and learner, ms', 'processorMs')
} finally {
  await removeFolders()
}
process.exit(0)
