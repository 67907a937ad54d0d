import { setTimeout } from 'node:timers/promises'
import type { Context } from '../../core/policy/index.js'
import { CallError, type ServiceClient } from './service-calls.js'

/** The id of a generation, and that of its group or the hash of its prompt. */
interface EnrolledIds { readonly generation_id: string, readonly group_id?: string, readonly prompt_hash?: string }

/** Draws of one context, epoch and share, which are sent in one call. */
interface Batch {
  readonly context: Context
  readonly epoch: string | null
  readonly share: number
  readonly since: number
  readonly generations: EnrolledIds[]
}

const EVERY_MS = 50
const RETRY_MS = 250
/** The service accepts no older draws, ms. A generation that can't be enrolled in time is not evidence, but continues. */
const MAX_AGE_MS = 4500
const CALL_MS = 1000
const MAX_IN_CALL = 4096

/** Reports the generations that the proxy has enrolled to the service, twenty times a second. */
export class EnrolmentSender {
  readonly #service: Pick<ServiceClient, 'post'>
  readonly #onProblem: (message: string) => void
  #batches = new Map<string, Batch>()
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<unknown> = Promise.resolve()
  enrolled = 0

  constructor (service: Pick<ServiceClient, 'post'>, onProblem: (message: string) => void) {
    this.#service = service
    this.#onProblem = onProblem
  }

  add (context: Context, epoch: string | null, share: number, generation: EnrolledIds): void {
    const key = JSON.stringify([epoch, share, context])
    let batch = this.#batches.get(key)
    if (batch === undefined || batch.generations.length >= MAX_IN_CALL) {
      if (batch !== undefined) this.flush()
      this.#batches.set(key, batch = { context, epoch, share, since: performance.now(), generations: [] })
    }
    this.#timer ??= globalThis.setTimeout(() => { this.flush() }, EVERY_MS)
    batch.generations.push(generation)
  }

  /** Sends all draws that wait. */
  flush (): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batches = [...this.#batches.values()]
    this.#batches = new Map()
    this.#sending = Promise.all([this.#sending, ...batches.map((batch) => this.#send(batch))])
  }

  async close (): Promise<void> {
    this.flush()
    await this.#sending
  }

  async #send ({ since, ...draws }: Batch): Promise<void> {
    for (;;) {
      const age = performance.now() - since
      if (age > MAX_AGE_MS) return
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
