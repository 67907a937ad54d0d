import type { Test } from 'tap'
import { scaledTimes } from '../../../src/core/evidence/enrolment-list.js'
import { sleep } from '../../clock.js'
import { countsOf } from '../../follow-up-counts.js'
import { until } from '../../helper.js'
import { startProcess, type ServiceProcess } from '../../service-process.js'

// The bound is five times the default, so that a certificate takes only 36 lossless generations. The contexts that must not be certified
// lose twice the bound.

/** Settings of a service with a follow-up of seconds. All generations are control, so that each of them is counted. */
export const QUICK = {
  DEFAULT_POLICY: JSON.stringify({ follow_up_seconds: 4, evidence_span_seconds: 0, max_em_drop: 0.1, control_rate: 1 }),
  LEASE_SECONDS: '0.5',
  POLL_SECONDS: '0.2',
}

/** Such a service in a process of its own. The times of enrolment are a fifth. */
export function startQuick (t: Test, env: NodeJS.ProcessEnv): ServiceProcess {
  return startProcess(t, { ...QUICK, ...env }, { times: scaledTimes(0.2) })
}

/** Durations of generations, ms, which begin and end on the clock of the service. Every other one is long. */
const SHORT_MS = 40
const LONG_MS = 500
const RETRY_MS = 50

export interface WorkersOptions {
  readonly task: string
  readonly model?: string
  /** Whether a stop loses the answer of two long generations in five: 20 points of EM in all. */
  readonly isLossy?: boolean
  /** Services that the worker of a generation may ask and report to, in the order in which it tries them. */
  readonly askAt: (i: number) => readonly ServiceProcess[]
  readonly reportAt?: (i: number) => readonly ServiceProcess[]
  /** Whether the worker is killed with its generation and never reports it. */
  readonly isSilent?: (i: number) => boolean
  /** Whether the worker sends its first step and its outcome twice, as it does when it has not seen the reply. */
  readonly isDoubled?: (i: number) => boolean
  readonly headers?: Record<string, string>
}

/** Honest workers of one context. */
export class Workers {
  readonly key: string
  readonly #options: WorkersOptions
  /** How many generations were started, how many have a decision, and how many were reported. */
  started = 0
  asked = 0
  reported = 0

  constructor (options: WorkersOptions) {
    this.#options = options
    this.key = `model=${options.model ?? 'q'},task=${options.task}`
  }

  get isLossy (): boolean { return this.#options.isLossy === true }

  /** Whether first steps are sent twice. The second may come when a busy machine has forgotten that the first was void. */
  get isDoubled (): boolean { return this.#options.isDoubled !== undefined }

  get headers (): Record<string, string> | undefined { return this.#options.headers }

  /** Runs generations that start together. Resolves when the last one has been reported. */
  async burst (count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#generate(this.started++)))
  }

  /** Asks for a decision at a first step, waits as long as the generation lasts, and sends the outcome until a replica accepts it. */
  async #generate (i: number): Promise<void> {
    const { task, model = 'q', isLossy = false, askAt, reportAt = askAt, isSilent = () => false, isDoubled = () => false } = this.#options
    const context = { model, task }
    const id = `${model}-${task}-${i}`
    const first = { tokens: 16, confidence: 0.05 }
    const isLong = i % 2 === 1
    for (let again = isDoubled(i) ? 2 : 1; again > 0; again--) await this.#send(() => askAt(i), '/v1/decisions', { generation_id: id, context, ...first })
    this.asked++
    await sleep(isLong ? LONG_MS : SHORT_MS)
    if (isSilent(i)) return
    const isLost = isLossy && (i % 10 === 1 || i % 10 === 5)
    const outcome = {
      generation_id: id, samples: 1, arm: 'control', context, tokens: 64, em: 1, steps: [first, { tokens: 32, confidence: 1, em: isLost ? 0 : 1 }],
    }
    for (let again = isDoubled(i) ? 2 : 1; again > 0; again--) await this.#send(() => reportAt(i), '/v1/outcomes', outcome)
    this.reported++
  }

  /** Sends a request to one service after the other until one accepts it. */
  async #send (servicesNow: () => readonly ServiceProcess[], path: string, body: object): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const services = servicesNow()
      const reply = await services[attempt % services.length]!.post(path, body, this.#options.headers).catch(() => null)
      if (reply !== null && reply.status < 300) return
      if (reply !== null && reply.status !== 503) throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
      await sleep(RETRY_MS)
    }
  }
}

/** The view of a context in the API, with all its counts. */
export async function contextAt (service: ServiceProcess, { key }: Pick<Workers, 'key'>, headers?: Record<string, string>): Promise<any> {
  const { body } = await service.get(`/v1/contexts/${encodeURIComponent(key)}`, headers)
  return { ...body, counts: await countsOf((path) => service.get(path, headers), key) }
}

/** Workers of a context that loses nothing, and of a context that loses twice the tolerance. */
export function workersOf (options: WorkersOptions): readonly [Workers, Workers] {
  return [new Workers(options), new Workers({ ...options, task: `${options.task}-lossy`, isLossy: true })]
}

export async function burst (workers: readonly Workers[], count = 40): Promise<void> {
  await Promise.all(workers.map((one) => one.burst(count)))
}

/** Waits until half of the generations of the last burst have a decision. */
export async function underWay (workers: readonly Workers[], count = 40): Promise<void> {
  await until('generations are under way', () => workers.every(({ started, asked }) => started - asked <= count / 2))
}

/** Whether any of the services, which may have ended, has certified a context. */
export function wasCertified (services: readonly ServiceProcess[], workers: Pick<Workers, 'key'>): boolean {
  return certificatesOf(services, workers).length > 0
}

/** The log lines of the moves by which a context was certified. */
function certificatesOf (services: readonly ServiceProcess[], { key }: Pick<Workers, 'key'>): object[] {
  const isCertificate = ({ msg, change }: Record<string, any>) => msg === 'a threshold is certified' && change.key === key
  return services.flatMap(({ log }) => log.filter(isCertificate))
}

/** Whether evidence has begun again, and each time since a block was over. */
async function isRepaired (service: ServiceProcess, { key, headers }: Pick<Workers, 'key' | 'headers'>): Promise<boolean> {
  const { body } = await service.get(`/v1/contexts/${encodeURIComponent(key)}/history`, headers)
  const begun = body.changes.filter(({ cause }: { cause: string }) => !['evidence', 'suspended', 'resumed'].includes(cause))
  return begun.length > 0 && begun.every(({ cause }: { cause: string }) => cause === 'repair')
}

/**
 * Runs bursts until the context is certified, unless the machine is so busy that outcomes come after their follow-up, or so many lists
 * late that they block certificates: those are left out.
 */
export async function certified (t: Test, services: readonly ServiceProcess[], workers: Workers, count = 20): Promise<void> {
  for (let bursts = 0; bursts < 20 && !wasCertified(services, workers); bursts++) await workers.burst(count)
  const isTooBusy = async () => {
    const { counts, warnings } = await contextAt(services[0]!, workers, workers.headers)
    return counts.late > 0 || warnings.includes('left_out_high') || await isRepaired(services[0]!, workers)
  }
  await until(`${workers.key} is certified`, async () => wasCertified(services, workers) || isTooBusy())
  if (!wasCertified(services, workers)) return t.comment(`${workers.key} is not certified: outcomes or lists came too late`)
  t.comment(`${workers.key} was certified after ${workers.started} generations`)
}

/**
 * Checks that every generation is accounted for once. It is enrolled or void, unless its list was lost with a replica that was killed. Its
 * outcome is evidence, late, or of a generation that was not enrolled.
 * @param services all that ran; the first one is asked
 */
export async function isExact (
  t: Test, services: readonly ServiceProcess[], workers: Workers,
  { mayLoseLists = false, headers }: { readonly mayLoseLists?: boolean, readonly headers?: Record<string, string> } = {}
): Promise<any> {
  let last: any = null
  await until(`all of ${workers.key} is accounted for`, async () => {
    last = await contextAt(services[0]!, workers, headers)
    const { enrolled, accounted, missing, void: voided, late, unenrolled } = last.counts
    if (enrolled !== accounted + missing) return false
    if (last.epoch > 1) return last.follow_up.open === 0 // the counts are those of the last epoch
    const isListed = mayLoseLists || enrolled + voided >= workers.started
    return isListed && accounted + late + unenrolled >= workers.reported
  }).catch((error) => {
    t.comment(JSON.stringify({ ...last?.counts, started: workers.started, reported: workers.reported }))
    throw error
  })
  const context = await contextAt(services[0]!, workers, headers) // again: its counts are read after the rest of it
  const { enrolled, accounted, missing, late, unenrolled, void: voided } = context.counts
  t.match(context, { follow_up: { open: 0 } })
  if (context.epoch === 1) {
    t.equal(accounted + late + unenrolled, workers.reported, `${workers.key}: each outcome counts once`)
    const unlisted = workers.started - enrolled - voided
    const unreported = workers.started - workers.reported
    const isListed = mayLoseLists ? unlisted <= unreported + unenrolled : unlisted <= 0
    t.ok(isListed && (unlisted >= 0 || workers.isDoubled || mayLoseLists), `${workers.key}: each generation is enrolled or void once`)
    t.equal(context.generations?.control, accounted + missing, `${workers.key}: each enrolled generation is evidence`)
  } else { // on a busy machine so many lists may be late that they block certificates; counts then begin again, too
    t.ok(await isRepaired(services[0]!, workers), `${workers.key}: evidence begins again only after lists were late`)
    t.ok(accounted + late + unenrolled <= workers.reported && enrolled + voided <= workers.started, `${workers.key}: nothing counts twice`)
  }
  if (workers.isLossy) {
    const certificates = certificatesOf(services, workers)
    t.equal(certificates.length, 0, `${workers.key}: a drop of twice the bound is not certified`)
    if (certificates.length > 0) t.comment(`falsely certified: ${JSON.stringify({ certificates, context })}`)
  }
  t.comment(`${workers.key}: ${JSON.stringify(context.counts)}`)
  return context
}
