import { setTimeout } from 'node:timers/promises'
import type { Context } from '../../core/policy/context.js'
import { CallError, type ServiceClient } from './service-calls.js'

/** Draws of one context, epoch and share, which one call takes. */
interface Waiting {
  readonly context: Context
  readonly epoch: string | null
  readonly share: number
  readonly since: number
  readonly generations: Array<{ generation_id: string, group_id?: string }>
}

const EVERY_MS = 50
const RETRY_MS = 250
/** The service takes no older draws, ms. What can't be sent in time is no evidence, and goes on as it is. */
const OLDEST_MS = 4500
const CALL_MS = 1000
const MOST_IN_CALL = 4096

/** Tells the service whom the proxy has enrolled, twenty times a second. */
export class EnrolmentSender {
  readonly #service: Pick<ServiceClient, 'post'>
  readonly #onProblem: (message: string) => void
  #waiting = new Map<string, Waiting>()
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<unknown> = Promise.resolve()
  enrolled = 0

  constructor (service: Pick<ServiceClient, 'post'>, onProblem: (message: string) => void) {
    this.#service = service
    this.#onProblem = onProblem
  }

  add (context: Context, epoch: string | null, share: number, generation: { generation_id: string, group_id?: string }): void {
    const key = JSON.stringify([epoch, share, context])
    let waiting = this.#waiting.get(key)
    if (waiting === undefined || waiting.generations.length >= MOST_IN_CALL) {
      if (waiting !== undefined) this.flush()
      this.#waiting.set(key, waiting = { context, epoch, share, since: performance.now(), generations: [] })
    }
    waiting.generations.push(generation)
    this.#timer ??= globalThis.setTimeout(() => { this.flush() }, EVERY_MS)
  }

  /** Sends what waits. */
  flush (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const taken = [...this.#waiting.values()]
    this.#waiting = new Map()
    this.#sending = Promise.all([this.#sending, ...taken.map((one) => this.#send(one))])
  }

  async close (): Promise<void> {
    this.flush()
    await this.#sending
  }

  async #send ({ since, ...draws }: Waiting): Promise<void> {
    for (;;) {
      const age = performance.now() - since
      if (age > OLDEST_MS) return
      try {
        await this.#service.post('/v1/enrolments', { ...draws, age_ms: age }, CALL_MS)
        this.enrolled += draws.generations.length
        return
      } catch (error) {
        this.#onProblem(`generations that have started can't be enrolled: ${(error as Error).message}`)
        if (error instanceof CallError && !error.mayRetry) return
        await setTimeout(RETRY_MS)
      }
    }
  }
}
