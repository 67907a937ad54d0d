import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { temporaryFolder } from '../../test/helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../test/redis-server.js'
import { type ServiceProcess, startProcess } from '../../test/service-process.js'

// One context over HTTP, at the highest rate that this machine sustains. Its guards must see at any rate (law 2).

const SECONDS = Number(process.env.SECONDS ?? 5)
const WORKERS = 8
/** The generations that each worker runs at once. */
const BATCH = 100
/** Generations within which drift must have been found. */
const MOST = 200_000
/** The time of a generation, ms. */
const LASTS = 100

const CONTEXT = { model: 'fast', task: 'one' }
const PATH = `/v1/contexts/${encodeURIComponent('model=fast,task=one')}`
const PROBED = { tokens: 32, confidence: 0.95 }

/** Honest workers of one context. */
class Workers {
  readonly #service: ServiceProcess
  #ids = 0
  generations = 0
  stopped = 0
  refused = 0

  constructor (service: ServiceProcess) { this.#service = service }

  /** Runs generations until `isOver`. @param lossEvery one in so many answers is lost by a stop; 0: none */
  async run (lossEvery: number, isOver: () => boolean | Promise<boolean>): Promise<void> {
    const end = new AbortController()
    const work = async () => { while (!end.signal.aborted) await this.#batch(lossEvery) }
    const watch = async () => {
      while (!await isOver()) await setTimeout(100)
      end.abort()
    }
    await Promise.all([watch(), ...Array.from({ length: WORKERS }, work)])
  }

  async #batch (lossEvery: number): Promise<void> {
    const numbers = Array.from({ length: BATCH }, () => this.#ids++)
    const first = numbers.map((i) => ({ generation_id: `g${i}`, context: CONTEXT, tokens: 16, confidence: 0.05 }))
    const decisions = await this.#post('/v1/decisions/batch', { steps: first })
    if (decisions === null) return
    await setTimeout(LASTS)
    const arms: string[] = decisions.decisions.map(({ arm }: { arm: string }) => arm)
    const checks = first.map((step, i) => ({ ...step, ...PROBED, arm: arms[i]! }))
    const checked = await this.#post('/v1/decisions/batch', { steps: checks })
    const outcomes = numbers.map((i, at) => {
      const isLost = lossEvery > 0 && i % lossEvery === 0
      const outcome = { generation_id: `g${i}`, samples: 1, context: CONTEXT, arm: arms[at]! }
      const isStopped = checked?.decisions[at].decision === 'stop'
      if (isStopped) {
        this.stopped++
        const em = isLost ? 0 : 1
        return { ...outcome, stopped: true, steps_asked: 2, stopped_probe: { tokens: 32, em }, tokens: 36, answer_tokens: 4, em }
      }
      const steps = [{ tokens: 16, confidence: 0.05, em: 0 }, { ...PROBED, em: isLost ? 0 : 1 }]
      return { ...outcome, tokens: 80, em: 1, ...(arms[at] === 'control' ? { steps } : { steps_asked: checked === null ? 1 : 2 }) }
    })
    while (await this.#post('/v1/outcomes/batch', { outcomes }) === null) await setTimeout(20)
    this.generations += BATCH
  }

  /** @returns `null` if the service is too busy. A worker repeats an outcome, and leaves a step out. */
  async #post (path: string, body: object): Promise<any> {
    const reply = await this.#service.post(path, body)
    if (reply.status < 300) return reply.body
    if (reply.status !== 503) throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
    this.refused++
    return null
  }
}

async function holdsAtAnyRate (t: Test, settings: Record<string, string>): Promise<void> {
  const policy = { follow_up_seconds: 60, evidence_span_seconds: 2 }
  const service = startProcess(t, { DEFAULT_POLICY: JSON.stringify(policy), DEDUP_SECONDS: '600', ...settings })
  await service.url()
  const context = async () => (await service.get(PATH)).body
  const workers = new Workers(service)
  await workers.run(0, async () => (await context()).status === 'certified')
  const [before, since] = [workers.generations, performance.now()]
  await workers.run(0, () => performance.now() > since + SECONDS * 1000)
  const rate = (workers.generations - before) / (performance.now() - since) * 1000
  const steady = await context()
  t.comment(`${Math.round(rate)} generations a second; control share ${steady.generations.control_share}, ${workers.refused} requests refused`)
  t.match(steady, { status: 'certified', epoch: 1 }, 'the threshold stays in force')
  t.ok(steady.follow_up.left_out <= 0.01 * steady.follow_up.enrolled, 'next to nothing is left out')
  t.equal(steady.follow_up.missing, 0, 'nothing is missing')
  t.ok(workers.stopped > 0, 'generations are stopped')

  const from = { generations: workers.generations, stopped: workers.stopped }
  const changes = async () => (await service.get(`${PATH}/history`)).body.changes as Array<{ cause: string }>
  const hasDrifted = async () => (await changes()).some(({ cause }) => cause === 'drift')
  await workers.run(3, async () => workers.generations > from.generations + MOST || await hasDrifted())
  t.ok(await hasDrifted(), 'drift withdraws it')
  t.comment(`drift of 33 points was found within ${workers.generations - from.generations} generations, of which ${workers.stopped - from.stopped} were stopped`)
}

t.test('one context at full HTTP speed, in the embedded store: evidence goes on, and drift is found', { timeout: SECONDS * 1000 + 300_000 }, async (t) => {
  await holdsAtAnyRate(t, { DATA_DIR: await temporaryFolder(t) })
})

t.test('one context at full HTTP speed, in Redis: evidence goes on, and drift is found', { skip: withoutRedis, timeout: SECONDS * 1000 + 300_000 }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  await holdsAtAnyRate(t, { REDIS_URL: redis.url })
})
